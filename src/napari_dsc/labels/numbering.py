"""Classes of superpixels, and their numbers."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol, Self

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from torch import Tensor


class Assigned(Protocol):
    """What a network assigns to superpixels: their classes, and probabilities for each."""

    @property
    def classes(self) -> Tensor:
        """Class of each superpixel, (M,) int64."""

    @property
    def assignment(self) -> Tensor:
        """Probability of each superpixel for each class, (M, K) float."""


class Classes(NamedTuple):
    """Classes of the superpixels of one image.

    Parameters
    ----------
    classes : (M,) int64 array
        Class of each superpixel, from 0.
    probabilities : (M, K) float32 array
        Probability of each superpixel for each class.
    """

    classes: np.ndarray
    probabilities: np.ndarray

    @classmethod
    def of(cls, step: Assigned) -> Self:
        """Classes in a step of a cut, or in the assignment by a trained network."""
        return cls(step.classes.cpu().numpy(), step.assignment.cpu().numpy())


def without_gaps(found: Sequence[Classes]) -> list[Classes]:
    """Renumber classes: first those that some superpixel has, in their order.

    Parameters
    ----------
    found : sequence of Classes
        Classes that mean the same in all of these images.

    Returns
    -------
    numbered : list of Classes
        The same, with the columns of the probabilities in the new order.
    """
    used = np.unique(np.concatenate([one.classes for one in found]))
    n_columns = found[0].probabilities.shape[1]
    every = np.arange(max(n_columns, used.max(initial=-1) + 1))
    order = np.concatenate([used, np.setdiff1d(every, used)])
    rank, columns = np.argsort(order), order[order < n_columns]
    return [Classes(rank[one.classes], one.probabilities[:, columns]) for one in found]


def labels_of(classes: np.ndarray, superpixels: np.ndarray) -> np.ndarray:
    """Label image of the classes of superpixels.

    Parameters
    ----------
    classes : (M,) int array
        Class of each superpixel, from 0.
    superpixels : S unsigned int array
        Superpixels from 1; 0 where there is none.

    Returns
    -------
    labels : S unsigned int array
        Class plus 1, or 0, in the smallest type that holds them.
    """
    smallest = np.min_scalar_type(int(classes.max(initial=0)) + 1)
    table = np.append(0, classes + 1).astype(smallest)
    return np.asarray(table[superpixels])
