import pytest
import torch

import napari_dsc
from napari_dsc import ComputationError, CutParams, Run, SuperpixelParams
from napari_dsc.cut import coarse, optimize


@pytest.fixture
def image(quadrants):
    return quadrants[0].repeat(6, 0).repeat(6, 1)


def run_of(image, device="cpu", **params):
    return Run(
        image,
        device=str(device),
        superpixel_params=SuperpixelParams(n_superpixels=24),
        cut_params=CutParams(n_partitions=6, **params),
    )


def fail_in_step(monkeypatch, n_failures, number):
    """Let the memory run out in a step of the first so many cuts; tells their sizes."""
    sizes = []
    cut = optimize.iter_cut

    def failing(image, *rest, **options):
        sizes.append(image.shape[-2] * image.shape[-1])
        for step in cut(image, *rest, **options):
            if len(sizes) <= n_failures and step.iteration == number:
                raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB")
            yield step

    monkeypatch.setattr(coarse, "iter_cut", failing)
    return sizes


@pytest.mark.parametrize("number", [1, 2])
def test_the_cut_starts_again_with_a_quarter_of_the_pixels_when_memory_runs_out(
    image, monkeypatch, number
):
    sizes = fail_in_step(monkeypatch, 1, number)
    run = run_of(image, n_iterations=3, resolution=1.0)
    steps = list(run.iter_steps())
    assert sizes[1] == pytest.approx(sizes[0] / 4, rel=0.02)
    assert [step.iteration for step in steps] == [*range(1, number), 1, 2, 3]
    assert steps[-1].labels().shape == image.shape[:2]
    assert run.result(steps[-1]).record["notes"] == [
        "memory ran out: the cut starts again on 0.01 megapixels"
    ]


def test_the_second_start_is_that_of_a_run_asked_for_so_few_pixels(image, monkeypatch):
    asked = list(run_of(image, n_iterations=2, megapixels=0.01).iter_steps())
    fail_in_step(monkeypatch, 1, 1)
    again = list(run_of(image, n_iterations=2, megapixels=0.04, resolution=1.0).iter_steps())
    assert torch.equal(again[-1].label_loss, asked[-1].label_loss)
    assert torch.equal(again[-1].classes, asked[-1].classes)


def test_memory_that_runs_out_twice_is_an_error(image, monkeypatch):
    sizes = fail_in_step(monkeypatch, 2, 1)
    with pytest.raises(ComputationError, match="out of memory"):
        list(run_of(image, n_iterations=2).iter_steps())
    assert len(sizes) == 2


def test_other_errors_are_not_tried_again(image, monkeypatch):
    def fail(*_, **__):
        raise RuntimeError("shapes differ")

    monkeypatch.setattr(coarse, "iter_cut", fail)
    with pytest.raises(RuntimeError, match="shapes differ"):
        list(run_of(image, n_iterations=2).iter_steps())


def test_a_note_reaches_the_user_of_the_command_line(image, monkeypatch, tmp_path, capsys):
    from napari_dsc.cli import main

    fail_in_step(monkeypatch, 1, 1)
    monkeypatch.chdir(tmp_path)
    napari_dsc.files.write_image(
        tmp_path / "a.png", image, record={}, spacing=(), unit="", overwrite=False
    )
    assert main(["segment", "a.png", "-o", "b.tif", "--n-iterations", "1"]) == 0
    assert "memory ran out" in capsys.readouterr().err


def test_graphs_are_for_cuda_alone(image):
    plain, recorded = (
        list(run_of(image, n_iterations=2, graphs=graphs).iter_steps())
        for graphs in ("off", "on")
    )
    assert torch.equal(plain[-1].classes, recorded[-1].classes)


@pytest.mark.gpu
@pytest.mark.parametrize("encoder", ["frozen", "trained"])
def test_a_cut_with_graphs_is_that_without(image, encoder):
    if not torch.cuda.is_available():
        pytest.skip("no CUDA device on this machine")
    plain, recorded = (
        list(run_of(image, "cuda", n_iterations=9, encoder=encoder, graphs=graphs).iter_steps())
        for graphs in ("off", "on")
    )
    for here, there in zip(plain, recorded, strict=True):
        assert torch.equal(here.classes, there.classes)
        torch.testing.assert_close(here.label_loss, there.label_loss)
