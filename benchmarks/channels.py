"""Try ways to give images of any number of channels to a network of three.

    python benchmarks/channels.py micro --limit 2

`micro` holds a folder for each set with ``images`` and ``labels``. Superpixels are those of all
channels, the same for every way, unless a row says ``reduced``; the cut alone sees the channels
in the way of the row. Scores are means over images and seeds; they go into
results/channels.json.
"""

from __future__ import annotations

import argparse
import copy
import json
import statistics
import sys
import time
from collections import defaultdict
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import torch
from tables import commit
from torch import nn

from napari_dsc.cut.optimize import iter_cut
from napari_dsc.device import seeded
from napari_dsc.evaluation.measures import measure_segmentation, prepare_annotation
from napari_dsc.files import read_labels
from napari_dsc.images import load_image
from napari_dsc.params import CutParams, SuperpixelParams
from napari_dsc.superae.model import Embedding, Levels
from napari_dsc.superae.planes import smooth_planes
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights
from napari_dsc.superpixels import over_segment_pixels

if TYPE_CHECKING:
    from collections.abc import Iterator

RESULTS = Path(__file__).parent / "results" / "channels.json"


class ImageSet(NamedTuple):
    """How a set is read, and what is scored on it."""

    axes: str
    zero: str
    n_superpixels: int
    scores: tuple[str, ...]


SETS = {
    "imc_pancreas_5ch": ImageSet("CYX", "background", 200, ("dice", "ap50", "ari")),
    "s2_ndvi_landcover": ImageSet("CYX", "unlabelled", 200, ("ari", "pri", "vi")),
    "dsb2018_histology": ImageSet("YXC", "background", 300, ("dice", "ap50")),
}


def stretched(pixels: np.ndarray) -> np.ndarray:
    """Each channel between its own percentiles, (C, Y, X)."""
    low, high = np.percentile(pixels, (0.1, 99.9), axis=(1, 2), keepdims=True)
    return np.clip((pixels - low) / np.maximum(high - low, 1e-6), 0, 1).astype(np.float32)


def principal(pixels: np.ndarray, whiten: bool) -> np.ndarray:
    """Three principal components between 0 and 1; whitened, each by itself."""
    rows = pixels.reshape(len(pixels), -1)
    rows = rows - rows.mean(1, keepdims=True)
    vectors = np.linalg.svd(rows @ rows.T)[0][:, :3]
    signs = np.where(vectors.sum(0) < 0, -1, 1)
    found = (vectors * signs).T @ rows
    low, high = np.percentile(found, (0.1, 99.9), axis=1, keepdims=True)
    span = high - low if whiten else (high - low).max()
    found = (found - (low + high) / 2) / span + 0.5
    return np.clip(found, 0, 1).reshape(-1, *pixels.shape[1:]).astype(np.float32)


def folded(pixels: np.ndarray) -> np.ndarray:
    """Means of every third channel: what repeating the first layer amounts to."""
    return np.stack([pixels[start::3].mean(0) for start in range(min(3, len(pixels)))])


def grouped(pixels: np.ndarray) -> np.ndarray:
    """Means of three runs of channels that follow each other."""
    return np.stack([part.mean(0) for part in np.array_split(pixels, 3)])


WAYS = {
    "first three": lambda pixels: pixels[:3],
    "mean": lambda pixels: pixels.mean(0, keepdims=True).repeat(3, 0),
    "fold": folded,
    "groups": grouped,
    "PCA": lambda pixels: principal(pixels, whiten=False),
    "whitened PCA": lambda pixels: principal(pixels, whiten=True),
}


class EachAlone(nn.Module):
    """An encoder that sees each channel as grey, and gives the mean of its responses."""

    def __init__(self, encoder: nn.Module) -> None:
        super().__init__()
        self.encoder = encoder

    def forward(self, image: torch.Tensor) -> Levels:
        """Feature maps of (1, C, Y, X)."""
        levels = self.encoder(image.transpose(0, 1).expand(-1, 3, -1, -1))
        return Levels(*(level.mean(0, keepdim=True) for level in levels))


def repeated_first_layer(encoder: nn.Module, n_channels: int) -> nn.Module:
    """Encoder whose first convolution takes every third channel as one color."""
    convolution = encoder.fine[0]
    weight = convolution.weight[:, [channel % 3 for channel in range(n_channels)]]
    counts = torch.tensor([len(range(c % 3, n_channels, 3)) for c in range(n_channels)])
    wide = nn.Conv2d(n_channels, weight.shape[0], 3, 1, padding=1, bias=False)
    wide.weight = nn.Parameter((weight / counts[:, None, None]).detach())
    encoder.fine[0] = wide
    return encoder


def networks(model: nn.Module, pixels: np.ndarray) -> Iterator[tuple[str, np.ndarray, object]]:
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
) -> np.ndarray:
    """Classes of the last step."""
    with seeded(params.seed):
        embedding = Embedding(encoder, params.n_partitions)
        embedding.parts[0] = nn.Conv2d(len(image), params.n_partitions, 1, bias=False)
    tensor = torch.from_numpy(np.ascontiguousarray(image))[None]
    tensor = tensor.contiguous(memory_format=torch.channels_last)
    free = np.full(superpixels.max() + 1, -1)
    for step in iter_cut(tensor, superpixels, embedding, params, free):
        last = step
    return last.classes.numpy()[superpixels] + 1


def smoothed(model: nn.Module, pixels: np.ndarray) -> np.ndarray:
    """Smoothed image of all channels."""
    with torch.no_grad():
        return smooth_planes(model, torch.from_numpy(pixels)).numpy()


def rows_of(
    folder: Path, kind: ImageSet, given: argparse.Namespace
) -> dict[str, dict[str, list[float]]]:
    """Scores of each way on the images of a set."""
    model = load_weights(find_weights(DEFAULT))
    scores: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted((folder / "images").iterdir())[: given.limit]:
        truth = prepare_annotation(
            read_labels(next((folder / "labels").glob(path.stem + ".*"))), kind.zero
        )
        together = load_image(path, kind.axes).pixels
        for stretch, pixels in (("together", together), ("each", stretched(together))):
            params = SuperpixelParams(n_superpixels=kind.n_superpixels)
            shared = over_segment_pixels(smoothed(model, pixels), params)
            for name, image, make in networks(model, pixels):
                own = {"": shared}
                if len(image) == 3 and len(pixels) != 3:
                    own["; reduced"] = over_segment_pixels(smoothed(model, image), params)
                for end, superpixels in own.items():
                    row = scores[f"{name}; {stretch}{end}"]
                    for seed in range(given.seeds):
                        start = time.perf_counter()
                        cut = CutParams(n_iterations=given.iterations, seed=seed)
                        labels = cut_labels(image, superpixels, make(), cut)
                        row["seconds"].append(time.perf_counter() - start)
                        found = measure_segmentation(labels, [truth], kind.zero)
                        for score in kind.scores:
                            row[score].append(found[score])
                    sys.stderr.write(
                        f"{path.name} {name} {stretch}{end} "
                        + " ".join(f"{k} {statistics.mean(v):.3f}" for k, v in row.items())
                        + "\n"
                    )
    return scores


def main() -> None:
    """Run all ways on all sets."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("root", type=Path)
    parser.add_argument("--limit", type=int, default=2)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--iterations", type=int, default=64)
    parser.add_argument("--sets", default=",".join(SETS))
    given = parser.parse_args()
    results = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    for name in given.sets.split(","):
        rows = rows_of(given.root / name, SETS[name], given)
        means = {
            row: {key: round(statistics.mean(values), 3) for key, values in found.items()}
            for row, found in rows.items()
        }
        command = f"python benchmarks/channels.py micro --limit {given.limit} --seeds {given.seeds} --iterations {given.iterations} --sets {name}"
        results[name] = {"command": command, "commit": commit(), "rows": means}
        RESULTS.write_text(json.dumps(results, indent=1) + "\n")


if __name__ == "__main__":
    main()
