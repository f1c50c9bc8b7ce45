"""A batch from its first file to its last."""

from __future__ import annotations

import contextlib
from collections import Counter
from typing import TYPE_CHECKING

from napari_dsc.batch.tasks import now

if TYPE_CHECKING:
    from collections.abc import Generator

    from napari_dsc.batch.folder import Log
    from napari_dsc.batch.tasks import Outcome


def iter_logged(outcomes: Generator[Outcome], log: Log) -> Generator[Outcome]:
    """Enter outcomes into the log of a batch, and their number at the end.

    Parameters
    ----------
    outcomes : generator of Outcome
        Closed with this one.
    log : Log
        Of the output folder.

    Yields
    ------
    outcome : Outcome
        Each one, once it stands in the log.
    """
    counts: Counter[str] = Counter()
    with contextlib.closing(outcomes):
        for outcome in outcomes:
            log.append(outcome.line())
            counts[outcome.state] += 1
            yield outcome
    log.append({"event": "end", **counts, "time": now()})
