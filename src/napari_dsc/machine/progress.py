"""Progress of a long computation, and the one way to run it to its end."""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING, Generic, NamedTuple, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

P = TypeVar("P")
R = TypeVar("R")


class Progress(NamedTuple):
    """Progress of one stage.

    Attributes
    ----------
    stage : str
        ``reading``, ``smoothing``, ``superpixels``, ``tree``, ``cut``, ``learning``,
        ``labels`` or ``writing``.
    done, total : int
        Finished parts of the stage, and all of them; ``done`` is 0 when the stage begins.
    step : object
        What the part gave: a `Step` of the cut on one image, a `CutStep` of a cut on many,
        the `Segmentation` of a file, or the error that a file failed with; else None.
    """

    stage: str
    done: int
    total: int
    step: object = None


class Steps(Generic[P, R]):
    """Items of a generator, and its value once they are exhausted.

    Parameters
    ----------
    generator : generator
        Closed when the loop over the items ends, however it ends.

    Attributes
    ----------
    value : object
        What the generator returned; only there after its last item.

    Examples
    --------
    >>> def three():
    ...     yield "one"
    ...     yield "two"
    ...     return 3
    >>> steps = Steps(three())
    >>> list(steps), steps.value
    (['one', 'two'], 3)
    """

    value: R

    def __init__(self, generator: Generator[P, None, R]) -> None:
        self._generator = generator

    def __iter__(self) -> Generator[P, None, None]:
        with contextlib.closing(self._generator):
            self.value = yield from self._generator


def exhausted(
    generator: Generator[P, None, R], show: Callable[[P], object] = lambda item: None
) -> R:
    """Run a generator to its end.

    Parameters
    ----------
    generator : generator
        Closed if `show` raises.
    show : callable
        Called with each item.

    Returns
    -------
    value : object
        What the generator returned.
    """
    steps = Steps(generator)
    for item in steps:
        show(item)
    return steps.value
