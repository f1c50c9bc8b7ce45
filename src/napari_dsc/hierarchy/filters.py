"""Responses of an image to oriented filters: edges, bars and spots."""

import numpy as np
import torch
from scipy import ndimage
from torch.nn import functional

SCALES = (1, 2)  # sizes of the filters in pixels
N_ANGLES = 6
N_RESPONSES = len(SCALES) * (2 * N_ANGLES + 1)
ELONGATION = 3  # length over width of a filter


def filter_responses(lightness: np.ndarray) -> np.ndarray:
    """Responses to edges, bars and spots of two sizes at each pixel.

    Parameters
    ----------
    lightness : S float array
        Lightness, 0 to 100; a volume is filtered plane by plane.

    Returns
    -------
    responses : (26, *S) float32 array
        For each size: edges at six angles, bars at six angles, then the difference to the
        Gaussian mean. The image is extended by reflection.

    References
    ----------
    .. [1] J. Malik, S. Belongie, T. Leung and J. Shi, "Contour and texture analysis for image
       segmentation", International Journal of Computer Vision 43(1), 2001: the oriented
       first and second derivatives of elongated Gaussians.
    """
    shape = lightness.shape
    planes = lightness.reshape(-1, *shape[-2:]).astype(np.float32)
    responses = np.empty((N_RESPONSES, *planes.shape), np.float32)
    n_of_scale = 2 * N_ANGLES + 1
    for place, scale in enumerate(SCALES):
        kernels = oriented_kernels(scale)
        weights = torch.from_numpy(kernels[:, None].astype(np.float32))
        reach = kernels.shape[-1] // 2
        start = place * n_of_scale
        for number, plane in enumerate(planes):
            padded = np.pad(plane, reach, mode="reflect")
            found = functional.conv2d(torch.from_numpy(padded)[None, None], weights)
            responses[start : start + 2 * N_ANGLES, number] = found[0].numpy()
            blurred = ndimage.gaussian_filter(plane, scale, mode="mirror")
            responses[start + 2 * N_ANGLES, number] = plane - blurred
    return responses.reshape(N_RESPONSES, *shape)


def oriented_kernels(scale: float) -> np.ndarray:
    """First and second derivative of an elongated Gaussian at each angle.

    Parameters
    ----------
    scale : float
        Standard deviation across the filter, in pixels; along the filter it is three times as
        large.

    Returns
    -------
    kernels : (12, D, D) float64 array
        Six first derivatives, then six second derivatives. The values of a kernel sum to
        zero, their magnitudes to one.
    """
    reach = round(4 * scale) + 1  # cuts the long tail at 4/3 standard deviations
    y, x = np.mgrid[-reach : reach + 1, -reach : reach + 1].astype(np.float64)
    angles = np.arange(N_ANGLES)[:, None, None] * (np.pi / N_ANGLES)
    across = x * np.cos(angles) + y * np.sin(angles)
    along = y * np.cos(angles) - x * np.sin(angles)
    envelope = np.exp(-0.5 * (across**2 + (along / ELONGATION) ** 2) / scale**2)
    edges, bars = -across * envelope, ((across / scale) ** 2 - 1) * envelope
    kernels = np.concatenate([edges, bars])
    kernels -= kernels.mean(axis=(1, 2), keepdims=True)
    kernels /= np.abs(kernels).sum(axis=(1, 2), keepdims=True)
    return kernels
