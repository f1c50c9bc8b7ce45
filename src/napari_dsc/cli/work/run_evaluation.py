"""An evaluation as a command: skipped files, earlier scores, new scores, and the tables."""

import contextlib
import itertools
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from rich import box
from rich.table import Table

from napari_dsc.cli.report import Pace, Report
from napari_dsc.cli.scoring_flags import (
    CompareRunFlags,
    EntryFlags,
    EvaluationFlags,
    MethodFlags,
)
from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.evaluation.measures import MEASURES
from napari_dsc.evaluation.terms import Zero
from napari_dsc.files import write_atomically
from napari_dsc.files.ownership import refuse_overlap
from napari_dsc.images.axes import check_axis_letters
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.machine.device import resolve_device
from napari_dsc.methods import METHODS, MethodOptions
from napari_dsc.records.record import Record, command_record, device_record, software_record
from napari_dsc.scoring.cases import Case, CaseSet, ScaleScores, score_case
from napari_dsc.scoring.entries import Entry, make_entries, scale_number, words
from napari_dsc.scoring.processes import count_processes, iter_outcomes
from napari_dsc.scoring.results import TABLES, Results, files_sha256
from napari_dsc.scoring.tables import Column, Figures, figures_of, scores_csv, summary_page
from napari_dsc.superae.weights import DEFAULT, find_weights

# files left out that are named on the screen
MOST_TOLD = 5
# measures to show in a terminal; the files have all
SHOWN = ("sc", "pri", "vi", "dice", "ap50")


class Plan(NamedTuple):
    """The images to score, their name, and the folder of the scores."""

    cases: CaseSet
    name: str
    output: Path


def entries_of(
    flags: EntryFlags, methods: MethodFlags, axes: str = "", zero: Zero = "region"
) -> list[Entry]:
    """Rows of the table that the flags ask for.

    Parameters
    ----------
    flags : EntryFlags
        Methods, superpixels, scales, weights, device.
    methods : MethodFlags
        Parameters of the methods.
    axes : str
        Axes of the images, or empty.
    zero : str
        What the label 0 of the annotations stands for.

    Returns
    -------
    entries : list of Entry
        At least one.

    Raises
    ------
    DSCError
        If methods, superpixels, scales, axes or weights are unknown, or the device does not
        exist.
    """
    check_axis_letters(axes)
    blank = Entry("", "", (), options_of(flags, methods), axes, zero)
    scales = [scale_number("scales", word) for word in words(flags.scales)]
    return make_entries(words(flags.method), words(flags.superpixels), scales, blank)


def options_of(flags: EntryFlags | CompareRunFlags, methods: MethodFlags) -> MethodOptions:
    """Options of the methods from the flags; weights and device are checked.

    Parameters
    ----------
    flags : EntryFlags or CompareRunFlags
        Weights and device.
    methods : MethodFlags
        Parameters of the methods.

    Returns
    -------
    options : MethodOptions
        With the device that ``auto`` stands for.

    Raises
    ------
    DSCError
        If the weights are unknown, or the device does not exist.
    """
    device = str(resolve_device(flags.device))
    find_weights(flags.weights or DEFAULT)
    return MethodOptions(weights=flags.weights, device=device, **vars(methods))


def run_evaluation(
    plan: Plan, entries: Sequence[Entry], flags: EvaluationFlags, report: Report
) -> int:
    """Score every entry on every image, and write the tables.

    Parameters
    ----------
    plan : Plan
        Images and output folder.
    entries : sequence of Entry
        What to score.
    flags : EvaluationFlags
        The other flags of the command.
    report : Report
        Where progress and results are told.

    Returns
    -------
    status : int
        0, or 2 if a file was left out or a method failed; the others are scored.

    Raises
    ------
    DSCError
        Before any computation, if there is nothing to score or the folder cannot be used.
    """
    if flags.processes < 0:
        raise InvalidParameterError(f"processes={flags.processes}: expected 0 (all) or more")
    cases, problems = plan.cases.every(flags.every, flags.limit)
    if not cases:
        raise InvalidImageError(f"{plan.name}: no image has annotations, expected at least one")
    _refuse_without_contours(cases, entries)
    read = [path for one in plan.cases.cases for path in (one.image, one.truth)]
    read += [path for path, _ in problems]
    refuse_overlap(read, [plan.output / name for name in TABLES])
    skipped = [f"{path}: {reason}" for path, reason in problems]
    for line in skipped[:MOST_TOLD]:
        report.error(f"skipped {line}")
    if len(skipped) > MOST_TOLD:
        report.error(f"skipped {len(skipped) - MOST_TOLD} more, all named in {TABLES[-1]}")
    results = Results(plan.output)
    results.prepare(entries, overwrite=flags.overwrite)
    keep_freed_memory()
    columns = _score_all(cases, entries, results, flags, report)
    failed = [
        f"{name}, {column.entry.name}: {reason}"
        for column in columns
        for name, reason in column.failures.items()
    ]
    _write_tables(plan, columns, [*skipped, *failed], report)
    if skipped or failed:
        n_failed = len({name for column in columns for name in column.failures})
        report.error(f"{len(skipped)} files skipped, {n_failed} images failed")
    return 2 if skipped or failed else 0


def _refuse_without_contours(cases: Sequence[Case], entries: Sequence[Entry]) -> None:
    if any(case.contours for case in cases):
        return
    for entry in entries:
        if METHODS[entry.method].needs_contours:
            raise InvalidParameterError(
                f"method={entry.method}: reads contour maps, which only BSDS500 has "
                "(evaluate bsds500)"
            )


def _score_all(
    cases: Sequence[Case],
    entries: Sequence[Entry],
    results: Results,
    flags: EvaluationFlags,
    report: Report,
) -> list[Column]:
    failures: dict[str, dict[str, str]] = {entry.name: {} for entry in entries}
    files = {case.name: files_sha256(case) for case in cases}
    pairs = list(itertools.product(cases, entries))
    known: dict[tuple[str, str], list[ScaleScores]] = {
        (case.name, entry.name): earlier
        for case, entry in pairs
        if (earlier := results.load(case, entry, files[case.name]))
    }
    tasks = [(case, entry) for case, entry in pairs if (case.name, entry.name) not in known]
    if known:
        report.note(f"{len(known)} of {len(pairs)} scored earlier are kept")
    pace = Pace(report, "scoring", len(pairs), len(known))
    n_processes = count_processes(flags.processes, resolve_device(entries[0].options.device))
    with contextlib.closing(iter_outcomes(score_case, tasks, n_processes)) as outcomes:
        for number, scores, error in outcomes:
            case, entry = tasks[number]
            if error:
                failures[entry.name][case.name] = error
                report.error(f"{case.name}, {entry.name}: {error}")
            else:
                results.save(case, entry, files[case.name], scores)
                known[case.name, entry.name] = scores
            pace.tick(" scored")
    return [
        Column(
            entry,
            {c.name: known[c.name, entry.name] for c in cases if (c.name, entry.name) in known},
            failures[entry.name],
        )
        for entry in entries
    ]


def _write_tables(
    plan: Plan, columns: Sequence[Column], left_out: Sequence[str], report: Report
) -> None:
    figures = [figures_of(column) for column in columns if column.scores]
    summary = {
        "data": plan.name,
        **run_record(columns[0].entry.options.device),
        "rows": [one.record() for one in figures],
        "left_out": list(left_out),
    }
    texts = (
        scores_csv(columns),
        json.dumps(summary, indent=1) + "\n",
        summary_page(figures, left_out),
    )
    for name, text in zip(TABLES, texts, strict=True):
        write_text(plan.output / name, text)
    for one in figures:
        report.result(one.record())
    _show(figures, report)
    report.note(f"written to {plan.output}: {', '.join(TABLES)}")


def _show(figures: Sequence[Figures], report: Report) -> None:
    if not figures:
        return
    table = Table("method", "images", "s/image", "", "ODS", "OIS", "scale", box=box.SIMPLE)
    for one in figures:
        lead = (one.entry.name, str(one.n_images), f"{one.seconds:.2f}")
        for name in SHOWN:
            if name in one.best:
                ods, ois, scale = one.best[name]
                figures_of_it = (f"{ods:.3f}", f"{ois:.3f}", f"{one.entry.scales[scale]:g}")
                table.add_row(*lead, MEASURES[name].title, *figures_of_it)
                lead = ("", "", "")
    report.table(table)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, completely or not at all."""
    write_atomically(path, lambda file: file.write(text.encode()))


def run_record(device: str) -> Record:
    """Command, with the last part of each path only, versions and device of a computation.

    Parameters
    ----------
    device : str
        Name of the device.

    Returns
    -------
    record : dict
        Ready for JSON.
    """
    return {
        "command": command_record("napari-dsc", sys.argv[1:]),
        "software": software_record(),
        "device": device_record(resolve_device(device)),
    }
