"""Try ways to give images of any number of channels to a network of three.

    python -m benchmarks.sets.channels micro --limit 2

`micro` holds a folder for each set with ``images`` and ``labels``. Superpixels are those of all
channels, the same for every way, unless a row says ``reduced``; the cut alone sees the channels
in the way of the row. Scores are means over images and seeds; they go into
results/sets/channels.json.
"""

from __future__ import annotations

import copy
import statistics
import sys
import time
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from torch import nn

from benchmarks.commands import SOURCES, argument_parser, command_line, commit
from benchmarks.report import known_results, write_known
from napari_dsc import CutParams, SuperpixelParams
from napari_dsc.cut.optimize import iter_cut
from napari_dsc.evaluation.measures import MEASURES, measure_segmentation, prepare_annotation
from napari_dsc.files import read_labels
from napari_dsc.images import load_image
from napari_dsc.labels.regions import connected_regions
from napari_dsc.machine.device import seeded
from napari_dsc.superae.applied import smooth_planes
from napari_dsc.superae.model import Embedding, Encoder, Levels, SuperAE
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
from napari_dsc.superpixels.methods import over_segment_pixels

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from napari_dsc.evaluation.terms import Zero


class ImageSet(NamedTuple):
    """How a set is read, and what is scored on it."""

    axes: str
    zero: Zero
    result: str
    n_superpixels: int
    scores: tuple[str, ...]


SETS = {
    "imc_pancreas_5ch": ImageSet(
        "CYX", "background", "regions", 300, ("ari", "vi", "ap50_labels")
    ),
    "s2_ndvi_landcover": ImageSet("CYX", "unlabeled", "classes", 200, ("ari", "pri", "vi")),
    "dsb2018_histology": ImageSet("YXC", "background", "classes", 300, ("dice", "ap50")),
}


def stretched(pixels: np.ndarray) -> np.ndarray:
    """Each channel between its own percentiles, (C, Y, X)."""
    low, high = np.percentile(pixels, (0.1, 99.9), axis=(1, 2), keepdims=True)
    found: np.ndarray = np.clip((pixels - low) / np.maximum(high - low, 1e-6), 0, 1)
    return found.astype(np.float32)


def principal(pixels: np.ndarray, whiten: bool) -> np.ndarray:
    """Three principal components between 0 and 1; whitened, each by itself."""
    rows = pixels.reshape(len(pixels), -1)
    rows = rows - rows.mean(1, keepdims=True)
    vectors = np.linalg.svd(rows @ rows.T)[0][:, :3]
    signs = np.where(vectors.sum(0) < 0, -1, 1)
    found = (vectors * signs).T @ rows
    low, high = np.percentile(found, (0.1, 99.9), axis=1, keepdims=True)
    span = high - low if whiten else (high - low).max()
    found = np.clip((found - (low + high) / 2) / span + 0.5, 0, 1)
    shaped: np.ndarray = found.reshape(-1, *pixels.shape[1:]).astype(np.float32)
    return shaped


def folded(pixels: np.ndarray) -> np.ndarray:
    """Means of every third channel: what repeating the first layer amounts to."""
    return np.stack([pixels[start::3].mean(0) for start in range(min(3, len(pixels)))])


def grouped(pixels: np.ndarray) -> np.ndarray:
    """Means of three runs of channels that follow each other."""
    return np.stack([part.mean(0) for part in np.array_split(pixels, 3)])


WAYS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "first three": lambda pixels: pixels[:3],
    "mean": lambda pixels: pixels.mean(0, keepdims=True).repeat(3, 0),
    "fold": folded,
    "groups": grouped,
    "PCA": lambda pixels: principal(pixels, whiten=False),
    "whitened PCA": lambda pixels: principal(pixels, whiten=True),
}


class EachAlone(nn.Module):
    """An encoder that sees each channel as gray, and gives the mean of its responses."""

    def __init__(self, encoder: Encoder) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: torch.Tensor) -> Levels:
        """Feature maps of (1, C, Y, X)."""
        levels: Levels = self.encoder(image.transpose(0, 1).expand(-1, 3, -1, -1))
        return Levels(*(level.mean(0, keepdim=True) for level in levels))


def repeated_first_layer(encoder: Encoder, n_channels: int) -> Encoder:
    """Encoder whose first convolution takes every third channel as one color."""
    weight = encoder.fine[0].get_parameter("weight")[
        :, [channel % 3 for channel in range(n_channels)]
    ]
    counts = torch.tensor([len(range(c % 3, n_channels, 3)) for c in range(n_channels)])
    wide = nn.Conv2d(n_channels, weight.shape[0], 3, 1, padding=1, bias=False)
    wide.weight = nn.Parameter((weight / counts[:, None, None]).detach())
    encoder.fine[0] = wide
    return encoder


def networks(
    model: SuperAE, pixels: np.ndarray
) -> Iterator[tuple[str, np.ndarray, Callable[[], nn.Module]]]:
    """Name, network's image and function that makes an encoder, of every way."""
    for name, way in WAYS.items():
        if len(pixels) >= 3 or name in {"mean", "fold"}:
            yield name, way(pixels), lambda: copy.deepcopy(model.encoder)
    yield "mean of responses", pixels, lambda: EachAlone(copy.deepcopy(model.encoder))
    if len(pixels) != 3:
        yield (
            "repeated first layer",
            pixels,
            lambda: repeated_first_layer(copy.deepcopy(model.encoder), len(pixels)),
        )


def cut_labels(
    image: np.ndarray, superpixels: np.ndarray, encoder: nn.Module, params: CutParams
) -> Iterator[np.ndarray]:
    """Classes after a quarter of the steps, half of them, and all."""
    with seeded(params.seed):
        embedding = Embedding(encoder, params.n_partitions)  # type: ignore[arg-type]
        embedding.parts[0] = nn.Conv2d(len(image), params.n_partitions, 1, bias=False)
    tensor = torch.from_numpy(np.ascontiguousarray(image))[None]
    tensor = tensor.contiguous(memory_format=torch.channels_last)
    free = np.full(superpixels.max() + 1, -1)
    for step in iter_cut(tensor, superpixels, embedding, params, free):
        if 4 * step.iteration in {params.n_iterations * quarters for quarters in (1, 2, 4)}:
            yield step.classes.numpy()[superpixels] + 1


def smoothed(model: SuperAE, pixels: np.ndarray) -> np.ndarray:
    """Smoothed image of all channels."""
    with torch.no_grad():
        return smooth_planes(model, torch.from_numpy(pixels)).numpy()


def best_scores(found: list[dict[str, float]], names: tuple[str, ...]) -> dict[str, float]:
    """The best of several moments, for each score."""
    return {
        name: found[int(MEASURES[name].choose(np.array([one[name] for one in found])))][name]
        for name in names
    }


def cases(
    model: SuperAE, path: Path, kind: ImageSet
) -> Iterator[tuple[str, np.ndarray, np.ndarray, Callable[[], nn.Module]]]:
    """Name, network's image, superpixels and encoder of everything that is tried."""
    together = load_image(path, kind.axes).pixels
    params = SuperpixelParams(n_superpixels=kind.n_superpixels)
    for stretch, pixels in (("together", together), ("each", stretched(together))):
        shared = over_segment_pixels(smoothed(model, pixels), params)
        for name, image, make in networks(model, pixels):
            yield f"{name}; {stretch}", image, shared, make
            if "PCA" in name:
                own = over_segment_pixels(smoothed(model, image), params)
                yield f"{name}; {stretch}; reduced", image, own, make


def rows_of(
    folder: Path, kind: ImageSet, given: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """Scores of each way on the images of a set."""
    model = load_weights(find_weights(DEFAULT))
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((folder / "images").iterdir())[: given.limit]:
        labels = read_labels(next((folder / "labels").glob(path.stem + ".*")))
        truth = [prepare_annotation(labels, kind.zero)]
        for name, image, superpixels, make in cases(model, path, kind):
            for seed in range(given.seeds):
                start = time.process_time()
                cut = CutParams(n_iterations=given.iterations, seed=seed)
                found = []
                for classes in cut_labels(image, superpixels, make(), cut):
                    whole = kind.result == "classes"
                    found.append(
                        measure_segmentation(
                            classes if whole else connected_regions(classes) + 1,
                            truth,
                            kind.zero,
                        )
                    )
                best = best_scores(found, kind.scores)
                best["seconds"] = time.process_time() - start
                for key, value in best.items():
                    scores[name][key].append(value)
                sys.stderr.write(f"{path.name} {name} {best}\n")
    return scores


def main() -> None:
    """Run all ways on all sets."""
    parser = argument_parser(__doc__, "root")
    parser.add_argument("--limit", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=1)
    parser.add_argument("--iterations", type=int, default=32)
    parser.add_argument("--sets", default=",".join(SETS))
    given = parser.parse_args()
    results = known_results("sets/channels")
    for name in given.sets.split(","):
        rows = rows_of(given.root / name, SETS[name], given)
        means = {
            row: {key: round(statistics.mean(values), 3) for key, values in found.items()}
            for row, found in rows.items()
        }
        results[name] = {"command": command_line(), "commit": commit(SOURCES), "rows": means}
        write_known("sets/channels", results)


if __name__ == "__main__":
    main()
