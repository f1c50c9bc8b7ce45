"""Algorithm 2 as one writes it first in PyTorch: what the cut here is measured against.

Every level is upsampled and concatenated with the image, then comes one convolution; W is a
matrix.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import torch
from torch.nn import functional

from napari_dsc.labels.neighbors import region_centroids

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from torch import Tensor

    from napari_dsc import CutParams
    from napari_dsc.superae.model import Embedding


class PlainStep(NamedTuple):
    """One step: its number from 1, both losses, and the class of each superpixel."""

    iteration: int
    label_loss: Tensor
    cut_loss: Tensor
    classes: Tensor


def iter_plain_cut(
    image: Tensor, superpixels: np.ndarray, embedding: Embedding, params: CutParams
) -> Iterator[PlainStep]:
    """Merge superpixels, one training step at a time."""
    m, k = int(superpixels.max()) + 1, params.n_partitions
    z = torch.from_numpy(superpixels.ravel()).to(image.device)
    sizes = torch.bincount(z).unsqueeze(1)
    centers = torch.from_numpy(region_centroids(superpixels)).to(image.device)
    distance = params.radius_factor * (superpixels.size / m) ** 0.5
    near = (torch.cdist(centers, centers) < distance).to(image.dtype)
    kernels: list[Tensor] = [
        kernel for name, kernel in embedding.named_parameters() if "parts" in name
    ]
    head = torch.cat(kernels, 1).detach().requires_grad_()
    optimizer = torch.optim.SGD(
        [*embedding.encoder.parameters(), head, *embedding.norm.parameters()],
        lr=params.learning_rate,
        momentum=params.momentum,
    )
    embedding.train()
    for iteration in range(1, params.n_iterations + 1):
        optimizer.zero_grad()
        f = _plain_features(image, embedding, head)
        p = f.softmax(1)
        votes = torch.zeros(m, k, device=f.device, dtype=f.dtype)
        votes.index_add_(0, z, functional.one_hot(p.argmax(1), k).to(f.dtype))
        classes = votes.argmax(1)
        g, q = (torch.zeros_like(votes).index_add(0, z, rows) / sizes for rows in (f, p))
        w = ((-torch.cdist(g, g).square() / params.affinity_scale**2).exp() * near).detach()
        label = -p.gather(1, classes[z].unsqueeze(1)).log().mean()
        cut = ((w @ (1 - q)) * q).sum()
        (params.label_weight * label + params.cut_weight / m**2 * cut).backward()
        optimizer.step()
        yield PlainStep(iteration, label.detach(), cut.detach(), classes)


def _plain_features(image: Tensor, embedding: Embedding, head: Tensor) -> Tensor:
    height, width = image.shape[-2:]
    padded = functional.pad(image, (0, -width % 4, 0, -height % 4), mode="replicate")
    levels = [padded]
    for level in embedding.encoder(padded):
        levels.append(  # noqa: PERF401
            functional.interpolate(level, size=list(padded.shape[-2:]), mode="bilinear")
        )
    features = functional.conv2d(torch.cat(levels, 1), head)[..., :height, :width]
    normalized: Tensor = embedding.norm(features)
    return normalized[0].flatten(1).T
