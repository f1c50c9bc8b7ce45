import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.torch import save_file

from napari_dsc.errors import ComputationError, InvalidImageError, WeightsError
from napari_dsc.params import TrainParams
from napari_dsc.superae import train
from napari_dsc.superae.train import (
    _example,
    _iter_batches,
    _random_crop,
    iter_training,
    new_training,
)
from napari_dsc.superae.training_files import load_checkpoint, save_checkpoint
from napari_dsc.superae.weights import save_weights

CPU = torch.device("cpu")
SMALL = TrainParams(n_epochs=3, batch_size=2, crop_size=16)


def random_pairs(n_images=3, n_channels=3, shape=(20, 24), dtype=np.uint8):
    """Noise with templates of 4 x 4 pixel blocks."""
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, (n_channels, *shape), np.uint8) for _ in range(n_images)]
    if dtype == np.float32:
        images = [image / np.float32(255) for image in images]
    rows, columns = np.indices(shape) // 4
    return images, [rows * (columns.max() + 1) + columns] * n_images


def trained(images, templates, params, device=CPU):
    state = new_training(len(images[0]), params, device)
    for _ in iter_training(images, templates, params, state):
        pass
    return state


def vary(**changes):
    return TrainParams(**{"n_epochs": 3, "batch_size": 2, "crop_size": 16} | changes)


def weights_of(state):
    return {name: tensor.clone() for name, tensor in state.model.state_dict().items()}


def same(first, second):
    return all(torch.equal(first[name], second[name]) for name in first | second)


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_a_resumed_training_equals_a_straight_one_bit_for_bit(tmp_path, n_channels, precision):
    pairs = random_pairs(n_channels=n_channels)
    params, path = vary(precision=precision), tmp_path / "checkpoint.safetensors"
    straight = trained(*pairs, params)

    save_checkpoint(trained(*pairs, vary(precision=precision, n_epochs=1)), path)
    resumed = load_checkpoint(path, n_channels, params, CPU)
    assert not same(weights_of(resumed), weights_of(straight))
    epochs = list(iter_training(*pairs, params, resumed))

    assert [epoch.number for epoch in epochs] == [2, 3]
    assert same(weights_of(resumed), weights_of(straight))
    assert [epoch[:3] for epoch in resumed.history] == [epoch[:3] for epoch in straight.history]
    moments = [state.optimizer.state_dict()["state"] for state in (resumed, straight)]
    assert all(same(moments[0][index], moments[1][index]) for index in moments[0])


def test_a_checkpoint_gives_back_exactly_what_was_saved(tmp_path):
    state = trained(*random_pairs(), vary(n_epochs=1))
    save_checkpoint(state, tmp_path / "checkpoint.safetensors")
    loaded = load_checkpoint(tmp_path / "checkpoint.safetensors", 3, SMALL, CPU)
    assert loaded.history == state.history
    assert same(weights_of(loaded), weights_of(state))


def test_the_format_of_checkpoints_stays(tmp_path):
    save_checkpoint(trained(*random_pairs(), vary(n_epochs=1)), tmp_path / "c.safetensors")
    with safe_open(tmp_path / "c.safetensors", "pt") as file:
        names, metadata = set(file.keys()), file.metadata()
    assert set(metadata) == {"history"}
    assert {"model.encoder.fine.0.weight", "model.decoder.2.bias"} < names
    optimizer = {name for name in names if name.startswith("optimizer.")}
    slots = ("step", "exp_avg", "exp_avg_sq")
    assert optimizer == {f"optimizer.{index}.{slot}" for index in range(17) for slot in slots}


def test_the_same_seed_gives_the_same_weights():
    pairs = random_pairs()
    first, again = (weights_of(trained(*pairs, vary(seed=5))) for _ in range(2))
    assert same(first, again)
    assert not same(first, weights_of(trained(*pairs, vary(seed=6))))


def test_training_leaves_the_random_state_of_the_caller_as_it_was():
    before, before_numpy = torch.random.get_rng_state(), np.random.get_state()[1].copy()  # noqa: NPY002
    trained(*random_pairs(), vary(n_epochs=1))
    assert torch.equal(torch.random.get_rng_state(), before)
    assert (np.random.get_state()[1] == before_numpy).all()  # noqa: NPY002


def test_training_seeds_no_gpu_of_the_caller(monkeypatch):
    seeded = []
    monkeypatch.setattr(torch.cuda, "manual_seed_all", seeded.append)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
    assert seeded == [7]
    new_training(1, SMALL, CPU)
    assert seeded == [7]


def test_images_that_may_not_be_written_to_can_be_trained_on():
    images, templates = random_pairs(n_images=1)
    for array in (*images, *templates):
        array.flags.writeable = False
    assert len(trained(images, templates, SMALL).history) == 3


def test_bytes_and_the_same_values_as_floats_give_the_same_weights():
    as_bytes, as_floats = (
        weights_of(trained(*random_pairs(dtype=dtype), SMALL))
        for dtype in (np.uint8, np.float32)
    )
    for name, tensor in as_bytes.items():
        torch.testing.assert_close(tensor, as_floats[name], rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("shape", [(12, 12), (5, 40), (40, 9), (3, 2)])
@pytest.mark.parametrize("n_channels", [1, 3])
def test_images_smaller_than_the_crop_can_be_trained_on(shape, n_channels, device):
    pairs = random_pairs(n_images=1, n_channels=n_channels, shape=shape)
    state = trained(*pairs, vary(n_epochs=2), device)
    assert [epoch.number for epoch in state.history] == [1, 2]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_the_loss_falls(two_tone, precision):
    template = (two_tone[0] > 0.5).astype(np.int64)
    state = trained([two_tone], [template], vary(n_epochs=40, precision=precision))
    first, last = state.history[0], state.history[-1]
    assert last.fidelity < first.fidelity / 4
    assert last.smoothness < first.smoothness / 4
    assert {weight.dtype for weight in state.model.parameters()} == {torch.float32}


def test_the_template_term_draws_pixels_to_the_mean_color_of_their_region():
    pairs = random_pairs(n_images=1, n_channels=1)
    without, with_term = (
        trained(*pairs, vary(n_epochs=60, smoothness_weight=weight)).history[-1]
        for weight in (0.0, 10.0)
    )
    assert with_term.smoothness < without.smoothness / 2
    assert with_term.fidelity > without.fidelity


def test_three_epochs_on_a_symmetric_image_are_three_steps_of_adam_on_equation_1():
    half = np.random.default_rng(0).random((1, 16, 8), np.float32)
    image = np.concatenate([half, half[..., ::-1]], axis=2)
    template = np.indices((16, 16))[0] // 4
    params = vary(learning_rate=0.01, smoothness_weight=2.0)
    state = trained([image], [template], params)

    model = new_training(1, params, CPU).model.train()
    adam = torch.optim.Adam(model.parameters(), lr=0.01)
    colors = np.repeat(image.reshape(1, 4, 64).mean(2), 4, axis=1)[..., None] + 0 * image
    x, v = torch.from_numpy(image)[None], torch.from_numpy(colors)[None]
    for _ in range(3):
        adam.zero_grad()
        smoothed = model(x)
        loss = (smoothed - x).square().mean() + 2 * (smoothed - v).square().mean()
        loss.backward()
        adam.step()
    for name, weight in model.named_parameters():
        near = (state.model.get_parameter(name) - weight).abs() < 1e-3
        assert float(near.float().mean()) > 0.98, name


def test_each_epoch_and_each_seed_draws_crops_of_its_own(monkeypatch):
    crops = []

    def record(state, batch, params):
        crops.append(batch[0])
        return torch.zeros(2)

    monkeypatch.setattr(train, "_step", record)
    trained(*random_pairs(), SMALL)
    trained(*random_pairs(), vary(n_epochs=1, seed=1))
    firsts = crops[::2]
    assert len(firsts) == 4
    assert len({crop.numpy().tobytes() for crop in firsts}) == 4


def test_looking_at_the_network_between_epochs_changes_nothing():
    pairs, states = random_pairs(), [new_training(3, SMALL, CPU) for _ in range(2)]
    for _ in iter_training(*pairs, SMALL, states[0]):
        states[0].model.eval()
    list(iter_training(*pairs, SMALL, states[1]))
    assert same(*map(weights_of, states))


@settings(max_examples=30, deadline=None)
@given(
    height=st.integers(1, 30),
    width=st.integers(1, 30),
    size=st.integers(8, 40),
    seed=st.integers(0, 99),
)
def test_crops_of_image_and_template_fit_each_other(height, width, size, seed):
    image = np.random.default_rng(seed).random((2, height, width), np.float32)
    every_pixel_a_region = np.arange(height * width).reshape(height, width)
    example = _example(image, every_pixel_a_region)
    crop, colors = _random_crop(example, (size, size), np.random.default_rng(seed))
    assert crop.shape == (2, size, size)
    assert torch.equal(crop, colors)


def test_a_crop_is_a_window_of_the_image_or_its_mirror_image():
    image = np.arange(120, dtype=np.uint8).reshape(1, 10, 12)
    example, rng = _example(image, np.zeros((10, 12), int)), np.random.default_rng(0)
    windows = np.lib.stride_tricks.sliding_window_view(image[0], (8, 8)).reshape(-1, 8, 8)
    straight = {window.tobytes() for window in windows}
    mirrored = {window[:, ::-1].tobytes() for window in windows}
    crops = {
        (_random_crop(example, (8, 8), rng)[0][0] * 255)
        .round()
        .to(torch.uint8)
        .numpy()
        .tobytes()
        for _ in range(400)
    }
    assert crops == straight | mirrored


def test_a_small_image_is_continued_by_its_mirror_image():
    image = np.array([[[1, 2, 3]]], np.uint8).repeat(8, axis=1)
    example = _example(image, np.zeros((8, 3), int))
    row = ["1", "2", "3", "3", "2", "1", "1", "2", "3", "3", "2", "1"]
    for seed in range(10):
        crop, _ = _random_crop(example, (8, 8), np.random.default_rng(seed))
        found = " ".join(str(round(float(value * 255))) for value in crop[0, 0])
        assert found in " ".join(row)


def test_an_epoch_visits_every_image_once():
    images = [np.full((1, 9, 9), value, np.uint8) for value in range(7)]
    examples = [_example(image, np.zeros((9, 9), int)) for image in images]
    batches = list(_iter_batches(examples, vary(crop_size=8), np.random.default_rng(0)))
    assert [len(batch) for batch, _ in batches] == [2, 2, 2, 1]
    values = torch.cat([batch[:, 0, 0, 0] for batch, _ in batches]) * 255
    assert sorted(values.round().int().tolist()) == list(range(7))
    assert values.tolist() != sorted(values.tolist())


def test_half_precision_is_used_where_it_is_asked_for():
    full, half = (
        trained(*random_pairs(), vary(n_epochs=1, precision=precision)).history[0]
        for precision in ("float32", "bfloat16")
    )
    assert half.fidelity != full.fidelity
    assert half.fidelity == pytest.approx(full.fidelity, rel=0.01)


def test_a_finished_training_goes_no_further():
    pairs = random_pairs(n_images=1)
    state = trained(*pairs, SMALL)
    before = weights_of(state)
    assert list(iter_training(*pairs, SMALL, state)) == []
    assert same(weights_of(state), before)


IMAGE, TEMPLATE = np.zeros((3, 9, 9), np.uint8), np.zeros((9, 9), int)


@pytest.mark.parametrize(
    ("images", "templates", "message"),
    [
        ([], [], "images: got none, expected at least one"),
        ([IMAGE], [], "templates: got 0 for 1 images"),
        ([IMAGE], [TEMPLATE[1:]], r"templates: number 0 has shape \(8, 9\), expected \(9, 9\)"),
        ([IMAGE, IMAGE[:1]], [TEMPLATE] * 2, r"number 1 has shape \(1, 9, 9\), expected \(3, "),
        ([IMAGE[0]], [TEMPLATE], r"images: number 0 has shape \(9, 9\), expected \(3, Y, X\)"),
        ([IMAGE[:, :0]], [TEMPLATE[:0]], r"images: number 0 has shape \(3, 0, 9\)"),
        ([IMAGE.astype(np.uint16)], [TEMPLATE], "uint16, expected uint8 or float32"),
        ([IMAGE + np.float32(2)], [TEMPLATE], "values from 2.0 to 2.0, expected 0 to 1"),
        ([IMAGE + np.float32(np.nan)], [TEMPLATE], "values from nan to nan, expected 0 to 1"),
        ([IMAGE], [TEMPLATE - 1], "templates: number 0 has labels from -1 to -1"),
        ([IMAGE], [TEMPLATE + 10**9], "templates: number 0 has labels from 1000000000 to"),
        ([IMAGE], [TEMPLATE * 1.0], "templates: number 0 is float64, expected integers"),
    ],
)
def test_wrong_images_and_templates_are_named(images, templates, message):
    state = new_training(3, SMALL, CPU)
    with pytest.raises(InvalidImageError, match=message):
        next(iter_training(images, templates, SMALL, state))
    assert state.history == []


def test_a_loss_that_is_no_number_ends_the_training():
    state = new_training(3, SMALL, CPU)
    with torch.no_grad():
        state.model.decoder[2].bias[0] = torch.nan
    with pytest.raises(ComputationError, match=r"learning_rate=0.001: the loss of epoch 1 is "):
        next(iter_training(*random_pairs(), SMALL, state))
    assert state.history == []


def cut_short(path):
    path.write_bytes(path.read_bytes()[:-1000])


def without_history(path):
    save_file({"model.x": torch.zeros(1)}, path)


def without_optimizer(path):
    with safe_open(path, "pt") as file:
        tensors = {name: file.get_tensor(name) for name in file.keys() if "exp_avg" not in name}  # noqa: SIM118
        metadata = file.metadata()
    save_file(tensors, path, metadata=metadata)


def pickled(path):
    torch.save({"model": {}}, path)


def removed(path):
    path.unlink()


def only_weights(path):
    save_weights(new_training(3, SMALL, CPU).model, path, {})


@pytest.mark.parametrize(
    "damage", [cut_short, without_history, without_optimizer, pickled, removed, only_weights]
)
def test_what_is_no_checkpoint_is_refused(tmp_path, damage):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(trained(*random_pairs(n_images=1), vary(n_epochs=1)), path)
    load_checkpoint(path, 3, SMALL, CPU)
    damage(path)
    with pytest.raises(WeightsError, match=r"checkpoint\.safetensors: not a checkpoint"):
        load_checkpoint(path, 3, SMALL, CPU)


def test_a_checkpoint_for_another_number_of_channels_is_refused(tmp_path):
    path = tmp_path / "checkpoint.safetensors"
    save_checkpoint(trained(*random_pairs(n_images=1), vary(n_epochs=1)), path)
    with pytest.raises(WeightsError, match="training on images of 1 channels"):
        load_checkpoint(path, 1, SMALL, CPU)
