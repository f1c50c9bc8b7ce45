import csv

import imageio.v3 as iio
import pytest

from napari_dsc.errors import OutputError
from napari_dsc.superae.train import Epoch
from napari_dsc.superae.training_files import write_curve_csv, write_curve_png

HISTORY = [Epoch(1, 0.5, 0.25, 3.5), Epoch(2, 0.125, 1 / 3, 3.0)]


def test_the_table_holds_every_epoch_exactly(tmp_path):
    write_curve_csv(HISTORY, tmp_path / "loss.csv")
    with (tmp_path / "loss.csv").open(newline="") as file:
        rows = list(csv.reader(file))
    assert rows[0] == ["number", "fidelity", "smoothness", "seconds"]
    assert [Epoch(int(row[0]), *map(float, row[1:])) for row in rows[1:]] == HISTORY


def test_the_picture_shows_a_line_for_each_loss(tmp_path):
    write_curve_png(HISTORY, tmp_path / "loss.png")
    pixels = iio.imread(tmp_path / "loss.png")[..., :3]
    assert pixels.shape == (400, 600, 3)
    colors = {tuple(color) for color in pixels.reshape(-1, 3)}
    assert {(31, 119, 180), (255, 127, 14)} < colors


@pytest.mark.parametrize("write", [write_curve_csv, write_curve_png])
def test_a_curve_that_cannot_be_written_is_an_output_error(tmp_path, write):
    with pytest.raises(OutputError, match="missing"):
        write(HISTORY, tmp_path / "missing" / "loss")
