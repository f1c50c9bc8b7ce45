import multiprocessing
import time
from pathlib import Path

import pytest
import torch

from napari_dsc.methods import MethodOptions
from napari_dsc.scoring.cases import Case
from napari_dsc.scoring.entries import Entry
from napari_dsc.scoring.processes import count_processes, iter_outcomes
from scorers import score_or_die

ENTRY = Entry("ucm", "", (5.0,), MethodOptions(device="cpu"))


def tasks(*names):
    return [(Case(name, Path(f"{name}.png"), Path(f"{name}.npy")), ENTRY) for name in names]


def test_a_failure_is_told_and_the_others_go_on():
    outcomes = list(iter_outcomes(score_or_die, tasks("a", "fails", "b"), 1))
    assert [outcome.error for outcome in outcomes] == ["", "ValueError: an odd file", ""]
    assert [outcome.scores for outcome in outcomes[::2]] == [
        [{"scale": 5.0, "seconds": 0.0}]
    ] * 2


@pytest.mark.slow
def test_a_process_that_dies_takes_only_its_own_task_with_it():
    found = {}
    for outcome in iter_outcomes(score_or_die, tasks("a", "dies", "b", "fails", "c"), 2):
        found[outcome.task] = outcome
    assert sorted(found) == [0, 1, 2, 3, 4]
    assert "process died" in found[1].error
    assert found[3].error == "ValueError: an odd file"
    assert all(found[task].scores for task in (0, 2, 4))


@pytest.mark.slow
def test_whoever_stops_early_waits_for_nobody():
    outcomes = iter_outcomes(score_or_die, tasks("a", "slow", "b", "slow"), 2)
    next(outcomes)
    assert multiprocessing.active_children()
    start = time.monotonic()
    outcomes.close()
    assert time.monotonic() - start < 300  # half of what a slow task takes
    assert not multiprocessing.active_children()


def test_a_gpu_is_given_to_one_process():
    assert count_processes(0, torch.device("cuda")) == 1
    assert count_processes(0, torch.device("cpu")) >= 1
    assert count_processes(3, torch.device("cuda")) == 3
