"""Borders between classes: a linear classifier for each division of a class into two."""

from typing import NamedTuple, Self

import numpy as np

from napari_dsc.classes.features import LEAST_DEVIATION, Pooled, component_axes

# largest number of divisions that get a classifier; later ones follow the nodes
N_DIVISIONS = 40
N_INPUTS = 64  # principal components of the channels and their deep means
RIDGE = 0.03  # weight of the squared coefficients in the loss
N_STEPS = 8  # of Newton's method
ENOUGH = 1e-4  # change of all coefficients after which the steps end
CURVATURE = 1e-6  # least curvature of the loss, so that each step has a solution
LARGEST = 30.0  # logit; beyond it the probability is 0 or 1


class Inputs(NamedTuple):
    """Linear map from pooled channels to the inputs of the classifiers.

    Attributes
    ----------
    mean : (F,) float64 array
        Mean of each channel over the image.
    axes : (F, A) float64 array
        Principal axes of the channels in units of their standard deviation.
    """

    mean: np.ndarray
    axes: np.ndarray

    @classmethod
    def of(cls, pooled: Pooled, shares: np.ndarray) -> Self:
        """Map that is fitted to superpixels, each weighted by its share of the area."""
        values = _channels(pooled)
        mean, n_colors = shares @ values, pooled.colors.shape[1]
        color = shares @ np.square(pooled.colors - mean[:n_colors])
        deep = shares @ pooled.squares - np.square(mean[n_colors:])
        unit = np.sqrt(np.maximum(np.append(color, deep), 0))
        scale = np.divide(1, unit, out=np.zeros_like(unit), where=unit > LEAST_DEVIATION)
        axes = component_axes((values - mean) * scale, shares, N_INPUTS)
        return cls(mean, scale[:, None] * axes)

    def __call__(self, pooled: Pooled) -> np.ndarray:
        """Inputs of superpixels, (M, A)."""
        return np.asarray((_channels(pooled) - self.mean) @ self.axes)


class Classifiers(NamedTuple):
    """Classifiers of the first divisions of a class tree.

    Attributes
    ----------
    inputs : Inputs
        What they see.
    coefficients : (D, A + 1) float64 array
        Of the inputs, and the intercept; a logit above 0 stands for the first of both classes.
    """

    inputs: Inputs
    coefficients: np.ndarray

    def logits(self, pooled: Pooled) -> np.ndarray:
        """Logits of superpixels at each division, (M, D)."""
        return np.asarray(
            self.inputs(pooled) @ self.coefficients[:, :-1].T + self.coefficients[:, -1]
        )


def fit_classifiers(
    pooled: Pooled, shares: np.ndarray, nodes: np.ndarray, sides: np.ndarray
) -> Classifiers:
    """Fit a classifier to each division.

    Parameters
    ----------
    pooled : Pooled
        Means over each superpixel.
    shares : (M,) float array
        Share of each superpixel in the area.
    nodes : (M,) int array
        Node of each superpixel, ``0 .. N - 1``.
    sides : (D, N) int8 array
        1 for the nodes of the first class of a division, -1 for those of the second, else 0.

    Returns
    -------
    classifiers : Classifiers
        One for each division.
    """
    inputs = Inputs.of(pooled, shares)
    seen = inputs(pooled)
    found = np.zeros((len(sides), seen.shape[1] + 1))
    for place, side in enumerate(sides[:, nodes]):
        used = side != 0
        weights = shares[used] / shares[used].sum()
        found[place] = _logistic_regression(seen[used], side[used] > 0, weights)
    return Classifiers(inputs, found)


def sigmoid(logits: np.ndarray) -> np.ndarray:
    """Probability of the first class, in (0, 1)."""
    return np.asarray(1 / (1 + np.exp(-np.clip(logits, -LARGEST, LARGEST))))


def _channels(pooled: Pooled) -> np.ndarray:
    return np.concatenate([pooled.colors, pooled.means], axis=1)


def _logistic_regression(
    inputs: np.ndarray, is_first: np.ndarray, weights: np.ndarray
) -> np.ndarray:
    """Coefficients of weighted logistic regression with a ridge, by Newton's method."""
    rows = np.column_stack([inputs, np.ones(len(inputs))])
    ridge = np.append(np.full(inputs.shape[1], 2 * RIDGE), CURVATURE)
    found = np.zeros(len(ridge))
    for _ in range(N_STEPS):
        probability = sigmoid(rows @ found)
        gradient = rows.T @ (weights * (probability - is_first)) + ridge * found
        curvature = weights * np.maximum(probability * (1 - probability), CURVATURE)
        step = np.linalg.solve((rows.T * curvature) @ rows + np.diag(ridge), gradient)
        found -= step
        if np.abs(step).max() < ENOUGH:
            break
    return found
