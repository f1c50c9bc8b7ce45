import json

import dask.array
import imageio.v3 as iio
import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from skimage.metrics import variation_of_information

import napari_dsc
from napari_dsc import CutParams, ImageParams, SuperpixelParams
from napari_dsc.cut.objective import Objective
from napari_dsc.sample_data import sample_path

QUICK = {
    "superpixel_params": SuperpixelParams(n_superpixels=24),
    "cut_params": CutParams(n_partitions=8, n_iterations=3),
}


def vi(first, second):
    return sum(variation_of_information(first, second))


def test_steps_approach_the_four_quadrants(quadrants):
    image, truth = quadrants
    options = {
        "superpixel_params": SuperpixelParams(n_superpixels=24),
        "cut_params": CutParams(n_partitions=8, n_iterations=32, cut_weight=20.0),
    }
    steps = list(napari_dsc.iter_segment(image, **options))

    assert steps[0].n_classes > 4
    assert vi(steps[-1].labels(), truth) < 0.6 * vi(steps[0].labels(), truth)


def test_a_result_holds_labels_superpixels_and_the_smoothed_image(quadrants):
    image, _ = quadrants

    result = napari_dsc.segment(image, **QUICK)

    assert result.labels.shape == result.superpixels.shape == (32, 48)
    assert result.labels.dtype == result.superpixels.dtype == np.uint8
    assert result.labels.min() >= 1
    assert result.labels.max() <= 8
    assert result.superpixels.min() == 1
    assert (result.smoothed.shape, result.smoothed.dtype) == (image.shape, image.dtype)
    assert result.probabilities.shape == (result.superpixels.max(), 8)
    np.testing.assert_array_equal(
        result.classes_of_superpixels[result.superpixels.astype(int) - 1] + 1, result.labels
    )


def test_superpixels_stay_whole(quadrants):
    result = napari_dsc.segment(quadrants[0], **QUICK)

    for superpixel in np.unique(result.superpixels):
        assert len(np.unique(result.labels[result.superpixels == superpixel])) == 1


def test_the_record_is_json_and_repeats_the_run(quadrants):
    image, _ = quadrants
    result = napari_dsc.segment(image, **QUICK)

    record = json.loads(json.dumps(result.record))
    parameters = record["parameters"]
    again = napari_dsc.segment(
        image,
        weights=record["weights"]["name"],
        device=record["device"]["name"],
        image_params=ImageParams(**parameters["image"]),
        superpixel_params=SuperpixelParams(**parameters["superpixels"]),
        cut_params=CutParams(**parameters["cut"]),
    )

    np.testing.assert_array_equal(again.labels, result.labels)
    np.testing.assert_array_equal(again.probabilities, result.probabilities)
    assert again.record["image"]["sha256"] == record["image"]["sha256"]
    assert record["n_superpixels"] == result.superpixels.max()
    assert record["n_classes"] == len(np.unique(result.labels))
    assert record["iterations"] == 3
    assert set(record["seconds"]) == {"superpixels", "cut"}
    assert record["image"]["normalization"]["mode"] == "range"
    assert record["software"]["torch"] == torch.__version__.partition("+")[0] or record[
        "software"
    ]["torch"].startswith(torch.__version__)


def test_another_seed_gives_another_result(quadrants):
    first, second = (
        napari_dsc.segment(
            quadrants[0],
            superpixel_params=QUICK["superpixel_params"],
            cut_params=CutParams(n_iterations=1, seed=seed),
        )
        for seed in (0, 1)
    )

    assert not np.array_equal(first.probabilities, second.probabilities)


def test_steps_count_up_and_can_be_left_early(quadrants):
    steps = napari_dsc.iter_segment(quadrants[0], **QUICK)

    first, second = next(steps), next(steps)
    steps.close()

    assert (first.iteration, second.iteration) == (1, 2)
    assert first.n_classes == len(np.unique(first.labels()))
    assert float(first.label_loss) > 0
    assert float(first.cut_loss) > 0


def test_regions_number_each_connected_piece(quadrants):
    image, _ = quadrants
    mirrored = np.concatenate([image, image[:, :24]], axis=1)
    by_result = {
        choice: napari_dsc.segment(
            mirrored,
            superpixel_params=SuperpixelParams(n_superpixels=36),
            cut_params=CutParams(
                n_partitions=8, n_iterations=24, cut_weight=20.0, result=choice
            ),
        ).labels
        for choice in ("classes", "regions")
    }

    assert by_result["regions"].max() > len(np.unique(by_result["classes"]))
    for region in np.unique(by_result["regions"]):
        assert len(np.unique(by_result["classes"][by_result["regions"] == region])) == 1


def test_arrays_dask_arrays_and_files_give_the_same(quadrants, tmp_path):
    image, _ = quadrants
    path = tmp_path / "quadrants.png"
    iio.imwrite(path, image)

    expected = napari_dsc.over_segment(image, superpixel_params=QUICK["superpixel_params"])

    for source in (dask.array.from_array(image), path, str(path)):
        found = napari_dsc.over_segment(source, superpixel_params=QUICK["superpixel_params"])
        np.testing.assert_array_equal(found, expected)


def test_superpixels_of_the_original_differ_from_those_of_the_smoothed(quadrants):
    image, _ = quadrants
    smoothed, original = (
        napari_dsc.over_segment(
            image, superpixel_params=SuperpixelParams(n_superpixels=60, source=source)
        )
        for source in ("smoothed", "original")
    )

    assert vi(smoothed, original) > 0


def test_smoothing_takes_noise_off_a_real_image():
    image = iio.imread(sample_path())[:64, :64]
    noise = np.random.default_rng(0).normal(0, 25, image.shape)
    noisy = (image + noise).clip(0, 255).astype(np.uint8)

    smoothed = napari_dsc.smooth(noisy)

    def error(pixels):
        return np.abs(pixels.astype(float) - image).mean()

    assert (smoothed.shape, smoothed.dtype) == (image.shape, image.dtype)
    assert error(smoothed) < 0.8 * error(noisy)


def test_channels_first_gives_the_same_labels(quadrants):
    image, _ = quadrants

    last = napari_dsc.segment(image, axes="YXC", **QUICK)
    first = napari_dsc.segment(np.moveaxis(image, -1, 0), axes="CYX", **QUICK)

    np.testing.assert_array_equal(first.labels, last.labels)
    np.testing.assert_array_equal(np.moveaxis(first.smoothed, 0, -1), last.smoothed)


def test_a_grey_16_bit_image_is_smoothed_in_its_own_units(quadrants):
    gray = quadrants[0].sum(-1, dtype=np.uint16) * 100

    smoothed = napari_dsc.smooth(gray)

    assert (smoothed.shape, smoothed.dtype) == (gray.shape, np.uint16)
    assert abs(smoothed.mean() - gray.mean()) < 0.2 * gray.mean()


def test_running_touches_neither_the_image_nor_the_random_state(quadrants):
    image = quadrants[0].copy()
    numpy_state, torch_state = np.random.get_state()[1].copy(), torch.random.get_rng_state()  # noqa: NPY002

    napari_dsc.segment(image, **QUICK)

    np.testing.assert_array_equal(image, quadrants[0])
    np.testing.assert_array_equal(np.random.get_state()[1], numpy_state)  # noqa: NPY002
    assert torch.equal(torch.random.get_rng_state(), torch_state)


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory"),
        RuntimeError("DefaultCPUAllocator: can't allocate memory"),
        MemoryError(),
    ],
    ids=["cuda", "cpu", "numpy"],
)
def test_running_out_of_memory_is_said_in_words(quadrants, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr("napari_dsc.superae.model.SuperAE.forward", fail)

    with pytest.raises(napari_dsc.ComputationError, match="out of memory; crop or downscale"):
        napari_dsc.smooth(quadrants[0])


def test_other_failures_of_torch_keep_their_own_words(quadrants, monkeypatch):
    def fail(*_):
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr("napari_dsc.superae.model.SuperAE.forward", fail)

    with pytest.raises(RuntimeError, match="shapes do not fit"):
        napari_dsc.smooth(quadrants[0])


@pytest.mark.parametrize(
    "context", [torch.no_grad, torch.inference_mode], ids=["no_grad", "inference_mode"]
)
def test_a_caller_without_gradients_gets_the_same(quadrants, context):
    expected = napari_dsc.segment(quadrants[0], **QUICK)

    with context():
        found = napari_dsc.segment(quadrants[0], **QUICK)

    np.testing.assert_array_equal(found.probabilities, expected.probabilities)


def test_another_default_type_of_torch_changes_nothing(quadrants):
    expected = napari_dsc.smooth(quadrants[0])

    torch.set_default_dtype(torch.float64)
    try:
        found = napari_dsc.smooth(quadrants[0])
        napari_dsc.segment(quadrants[0], **QUICK)
    finally:
        torch.set_default_dtype(torch.float32)

    np.testing.assert_array_equal(found, expected)


@pytest.mark.parametrize(
    "options",
    [{"axes": 3}, {"cut_params": {"n_iterations": 2}}, {"superpixel_params": CutParams()}],
    ids=["axes", "dict", "wrong class"],
)
def test_options_of_a_wrong_type_are_refused(quadrants, options):
    with pytest.raises(napari_dsc.InvalidParameterError, match="expected"):
        napari_dsc.segment(quadrants[0], **options)


def test_a_name_no_file_can_have_is_refused():
    with pytest.raises(napari_dsc.InvalidImageError, match="cannot be opened"):
        napari_dsc.smooth("a\0b.png")


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device on this machine")
def test_cuda_repeats_itself_and_agrees_with_the_cpu(quadrants):
    first, second = (napari_dsc.segment(quadrants[0], device="cuda", **QUICK) for _ in range(2))

    np.testing.assert_array_equal(first.labels, second.labels)
    cpu = napari_dsc.segment(quadrants[0], device="cpu", **QUICK)
    assert float(first.record["label_loss"]) == pytest.approx(
        float(cpu.record["label_loss"]), rel=0.01
    )


@settings(max_examples=15, suppress_health_check=[HealthCheck.too_slow])
@given(
    shape=st.tuples(st.integers(8, 40), st.integers(8, 40)),
    channels=st.sampled_from([(), (1,), (3,), (4,)]),
    dtype=st.sampled_from(["uint8", "uint16", "int32", "float32", "float64"]),
    n_superpixels=st.integers(2, 60),
    superpixels=st.sampled_from(["slic", "egb", "mean_shift", "watershed", "ucm"]),
    result=st.sampled_from(["classes", "regions"]),
)
def test_any_size_type_and_method_gives_labels_of_the_size(  # noqa: PLR0917 - drawn by name
    shape, channels, dtype, n_superpixels, superpixels, result
):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 200, (*shape, *channels)).astype(dtype)

    segmentation = napari_dsc.segment(
        image,
        image_params=ImageParams(normalization="percentile"),
        superpixel_params=SuperpixelParams(
            superpixels=superpixels, n_superpixels=n_superpixels
        ),
        cut_params=CutParams(n_partitions=4, n_iterations=1, result=result),
    )

    assert segmentation.labels.shape == shape
    assert segmentation.labels.min() >= 1
    most = 4 if result == "classes" else segmentation.superpixels.max()
    assert segmentation.labels.max() <= most


def test_every_public_name_can_be_imported():
    assert "segment" in dir(napari_dsc)
    for name in napari_dsc.__all__:
        assert getattr(napari_dsc, name) is not None


@pytest.mark.parametrize("loss", ["label_loss", "cut_loss"])
def test_a_loss_that_is_not_finite_ends_the_run_in_a_sentence(quadrants, monkeypatch, loss):
    whole = Objective.cut_step

    def lost(self, iteration, *words):
        step = whole(self, iteration, *words)
        return step if iteration < 2 else step._replace(**{loss: torch.tensor(torch.nan)})

    monkeypatch.setattr(Objective, "cut_step", lost)
    message = "the loss is not finite after step 2; choose a smaller learning_rate"
    steps = napari_dsc.iter_segment(quadrants[0], **QUICK)
    first = next(steps)
    with pytest.raises(napari_dsc.ComputationError, match=message):
        next(steps)
    assert first.segmentation().record["iterations"] == 1


def test_a_loss_that_is_not_finite_ends_a_run_in_tiles_without_files(
    quadrants, monkeypatch, tmp_path
):
    whole, image = Objective.cut_step, np.tile(quadrants[0], (3, 3, 1))
    settings = napari_dsc.Settings(**QUICK, tile=64)
    napari_dsc.segment_large(image, tmp_path / "finite.tif", settings)

    def lost(self, *words):
        return whole(self, *words)._replace(cut_loss=torch.tensor(torch.inf))

    monkeypatch.setattr(Objective, "cut_step", lost)
    with pytest.raises(napari_dsc.ComputationError, match="the loss is not finite"):
        napari_dsc.segment_large(image, tmp_path / "lost.tif", settings)
    assert [path.name for path in tmp_path.iterdir()] == ["finite.tif"]
