"""Where a step of the cut spends its time, and how far that is from what the machine can do.

    python -m benchmarks.speed.step_stages [--sizes 321x481 1024x1024] [--rounds 5]

times the parts of a step on their own, in turn, and gives medians of processor seconds. The
floor of a part is the time of its multiplications at the speed of a large matrix product, or
that of reading and writing its maps once at the speed of a copy, whichever is longer; both
speeds are measured first, in the same process.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.commands import argument_parser
from benchmarks.report import Row, timed, write_rows
from benchmarks.speed.speed import blocks, drawn_image
from napari_dsc import CutParams
from napari_dsc.cut.guide import pair_affinity
from napari_dsc.cut.objective import cut_loss, label_loss
from napari_dsc.cut.sums import superpixel_sums
from napari_dsc.labels.neighbors import region_pairs
from napari_dsc.machine.allocator import keep_freed_memory
from napari_dsc.superae.applied import as_batch, embedding_of
from napari_dsc.superae.weights import DEFAULT, find_weights, load_weights

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

N_SUPERPIXELS = 100


class Parts:
    """A step of the cut in parts; each leaves what the next needs."""

    def __init__(self, height: int, width: int) -> None:
        self.params = CutParams()
        model = load_weights(find_weights(DEFAULT))
        self.embedding = embedding_of(model, self.params.n_partitions, 0)
        self.image = as_batch(torch.from_numpy(drawn_image(height, width)), 3)
        superpixels = blocks(height, width, N_SUPERPIXELS)
        self.pairs = torch.from_numpy(region_pairs(superpixels, self.params.radius_factor))
        self.superpixels = torch.from_numpy(superpixels)
        self.sizes = torch.bincount(self.superpixels.flatten())
        self.encoder = list(self.embedding.encoder.parameters())
        self.head = [*self.embedding.parts.parameters()]

    def all(self) -> dict[str, Callable[[], None]]:
        """The parts, in their order."""
        return {
            "encoder": self.encode,
            "last layer and enlarging": self.mix,
            "sums over superpixels": self.add_up,
            "losses": self.lose,
            "gradient of losses and sums": self.back_to_features,
            "gradient of the last layer": self.back_to_levels,
            "gradient of the encoder": self.back_to_weights,
        }

    def encode(self) -> None:
        """From the image to the levels."""
        self.levels = self.embedding.levels(self.image)

    def mix(self) -> None:
        """From the levels to the features."""
        self.leaves = [level.detach().requires_grad_() for level in self.levels]
        self.mixed = self.embedding.mixed(self.leaves)

    def add_up(self) -> None:
        """From the features to the sums."""
        self.features = self.mixed.detach().requires_grad_()
        self.sums = superpixel_sums(
            self.features, self.embedding.norm, self.superpixels, len(self.sizes)
        )

    def lose(self) -> None:
        """From the sums to the loss."""
        sums, sizes = self.sums, self.sizes.unsqueeze(1)
        means = sums.features.detach() / sizes
        affinity = pair_affinity(means, self.pairs, scale=self.params.affinity_scale)
        label = label_loss(sums, sums.votes.argmax(1), self.weights())
        self.total = label + cut_loss(sums.probabilities / sizes, self.pairs, affinity)

    def weights(self) -> Tensor:
        """Share of each superpixel in the label loss, (M,)."""
        return torch.ones(len(self.sizes)) / self.superpixels.numel()

    def back_to_features(self) -> None:
        """Gradient of the features."""
        [self.of_features] = torch.autograd.grad(self.total, [self.features])

    def back_to_levels(self) -> None:
        """Gradient of the last layer and of the levels."""
        inputs = [*self.head, *self.leaves[1:]]
        self.of_levels = torch.autograd.grad(self.mixed, inputs, self.of_features)[4:]

    def back_to_weights(self) -> None:
        """Gradient of the encoder."""
        torch.autograd.grad(self.levels[1:], self.encoder, self.of_levels)

    def megabytes(self) -> dict[str, float]:
        """Maps that each part must read and write at least once."""
        image, *levels = (level.numel() * 4e-6 for level in self.levels)
        features = self.mixed.numel() * 4e-6
        return {
            "encoder": image + sum(levels),
            "last layer and enlarging": image + sum(levels) + features,
            "sums over superpixels": features,
            "gradient of losses and sums": 2 * features,
            "gradient of the last layer": image + 2 * sum(levels) + features,
            "gradient of the encoder": image + 2 * sum(levels),
        }


def machine() -> tuple[float, float]:
    """Gigaflops a second of a matrix product, gigabytes a second of a copy."""
    a, b = torch.rand(2, 1024, 1024)
    source = torch.rand(64 * 2**20)
    target = torch.empty_like(source)
    products, copies = [], []
    for _ in range(7):
        products.append(timed(lambda: torch.mm(a, b))[1])
        copies.append(timed(lambda: target.copy_(source))[1])
    return 2 * 1.024**3 / min(products), 2 * source.numel() * 4e-9 / min(copies)


def gigaflops(part: Callable[[], object]) -> float:
    """Multiplications and additions of a call, in 1e9."""
    with FlopCounterMode(display=False) as counter:
        part()
    return float(counter.get_total_flops()) / 1e9


def rows_of(size: str, rounds: int, speed: tuple[float, float]) -> list[Row]:
    """One row for each part."""
    height, width = map(int, size.split("x"))
    parts = Parts(height, width)
    work = {name: gigaflops(part) for name, part in parts.all().items()}
    taken: dict[str, list[float]] = {name: [] for name in work}
    for _ in range(rounds):
        for name, part in parts.all().items():
            taken[name].append(timed(part)[1])
    rows: list[Row] = []
    for name, seconds in taken.items():
        moved = parts.megabytes().get(name, 0.0)
        floor = max(work[name] / speed[0], moved / 1000 / speed[1])
        median = float(np.median(seconds))
        rows.append(
            {
                "size": size,
                "part": name,
                "CPU ms": round(1000 * median, 1),
                "GFLOP": round(work[name], 2),
                "MB": round(moved),
                "floor ms": round(1000 * floor, 1),
                "times the floor": round(median / floor, 1) if floor else "",
            }
        )
    return rows


def main() -> None:
    """Measure machine and parts; print the table."""
    parser = argument_parser(__doc__)
    parser.add_argument("--sizes", nargs="+", default=["321x481", "1024x1024"])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--threads", type=int, default=1)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    keep_freed_memory()
    speed = machine()
    rows = [row for size in arguments.sizes for row in rows_of(size, arguments.rounds, speed)]
    settings = {
        "GFLOP/s of a product": round(speed[0], 1),
        "GB/s of a copy": round(speed[1], 1),
    }
    write_rows("speed/step_stages", rows, settings=settings)


if __name__ == "__main__":
    main()
