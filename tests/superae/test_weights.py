import hashlib
import json
import os
import threading
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import numpy as np
import pooch
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from safetensors.torch import load_file, save_file

from napari_dsc import CutParams, Run
from napari_dsc.errors import OutputError, WeightsError
from napari_dsc.params import TrainParams
from napari_dsc.superae import registry
from napari_dsc.superae.applied import embedding_of, load_embedding, save_embedding
from napari_dsc.superae.model import SuperAE
from napari_dsc.superae.registry import (
    DEFAULT,
    WEIGHTS,
    RegisteredWeights,
    cache_folder,
    fetch_weights,
    file_sha256,
    verify_weights,
    where,
)
from napari_dsc.superae.train import Epoch, new_training
from napari_dsc.superae.training_files import model_card
from napari_dsc.superae.weights import (
    find_weights,
    load_weights,
    registry_entry,
    save_weights,
)

CARD = {"license": "CC0", "training_data": "noise"}
FILE = "test-v1.safetensors"
CPU = torch.device("cpu")


def fresh_model(n_channels=3, seed=0):
    return new_training(n_channels, TrainParams(seed=seed), CPU).model


@pytest.fixture(scope="module")
def content(tmp_path_factory):
    """Bytes of a small file of valid weights."""
    path = tmp_path_factory.mktemp("weights") / FILE
    save_weights(fresh_model(), path, CARD)
    return path.read_bytes()


@pytest.fixture
def cache(tmp_path, monkeypatch):
    """Cache folder of this test; no test sees the user's."""
    folder = tmp_path / "cache"
    monkeypatch.setenv("NAPARI_DSC_WEIGHTS_DIR", str(folder))
    monkeypatch.delenv("NAPARI_DSC_WEIGHTS_URL", raising=False)
    return folder


@pytest.fixture
def registered(content, cache, monkeypatch):
    """A registered file named `test`, which is not in the package."""
    sha256 = hashlib.sha256(content).hexdigest()
    entry = RegisteredWeights(FILE, sha256, len(content), "CC0", "noise", packaged=False)
    monkeypatch.setitem(WEIGHTS, "test", entry)
    return entry


class Handler(BaseHTTPRequestHandler):
    """Sends `body` under the name of the file and announces `length` bytes."""

    def __init__(self, *args, body, length, **kwargs):
        self.body, self.length = body, length
        super().__init__(*args, **kwargs)

    def do_GET(self):
        self.server.paths.append(self.path)
        if self.path != f"/some/folder/{FILE}":
            self.send_error(404)
            return
        self.send_response(200)
        self.send_header("Content-Length", str(self.length))
        self.end_headers()
        self.wfile.write(self.body)

    def log_message(self, *args):
        pass


@pytest.fixture
def serve(monkeypatch):
    """Start a server for a body on this machine; its list of requested paths is returned."""
    servers = []

    def start(body, length=None):
        handler = partial(Handler, body=body, length=len(body) if length is None else length)
        server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        server.paths = []
        servers.append(server)
        threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}/some/folder/"
        monkeypatch.setenv("NAPARI_DSC_WEIGHTS_URL", address)
        return server.paths

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def files_in(folder):
    return sorted(path.name for path in folder.iterdir()) if folder.exists() else []


def test_the_packaged_weights_are_found_and_load_without_a_network(cache):
    file = find_weights(DEFAULT)
    assert file.path == where(DEFAULT)
    assert file.sha256 == WEIGHTS[DEFAULT].sha256
    model = load_weights(file)
    assert isinstance(model, SuperAE)
    assert not model.training
    assert model.n_channels == file.card["n_channels"] == 3
    assert files_in(cache) == []


def test_a_file_without_a_license_cannot_be_registered(tmp_path):
    save_weights(SuperAE(1), tmp_path / "mine.safetensors", {"training_data": "noise"})
    with pytest.raises(WeightsError, match=r"mine.*: expected a card with license, got none"):
        registry_entry(tmp_path / "mine.safetensors", packaged=True)


@pytest.mark.parametrize("name", WEIGHTS)
def test_every_packaged_file_is_what_the_registry_says(name, cache):
    assert WEIGHTS[name].packaged
    assert registry_entry(where(name), packaged=True) == WEIGHTS[name]
    assert 2_900_000 < WEIGHTS[name].size < 3_100_000


def test_the_packaged_card_tells_how_the_weights_were_made(cache):
    card = find_weights(DEFAULT).card
    for key in (
        "n_epochs",
        "batch_size",
        "crop_size",
        "precision",
        "smoothness_weight",
        "seed",
    ):
        assert key in card
    for key in ("training_data", "license", "n_images", "final_losses", "software", "command"):
        assert card[key]


def test_the_packaged_network_reproduces_an_image_that_a_fresh_one_does_not(quadrants, cache):
    image = torch.from_numpy(quadrants[0].transpose(2, 0, 1).copy())[None] / 255
    with torch.inference_mode():
        fresh = (fresh_model().eval()(image) - image).abs().mean()
        trained = (load_weights(find_weights(DEFAULT))(image) - image).abs().mean()
    assert trained < fresh / 2


@pytest.mark.parametrize("n_channels", [1, 3])
def test_weights_come_back_exactly_from_a_file_of_ones_own(tmp_path, n_channels):
    model, path = fresh_model(n_channels), tmp_path / "mine.safetensors"
    save_weights(model, path, CARD)
    file = find_weights(path)
    assert (file.name, file.card) == (str(path), CARD | {"n_channels": n_channels, "ndim": 2})
    assert file.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    loaded = load_weights(find_weights(str(path)))
    assert loaded.n_channels == n_channels
    for name, tensor in model.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], tensor)


def test_a_file_without_a_card_is_accepted(tmp_path):
    save_file(SuperAE(1).state_dict(), tmp_path / "bare.safetensors")
    assert find_weights(tmp_path / "bare.safetensors").card == {"n_channels": 1, "ndim": 2}


def test_the_same_weights_and_card_give_the_same_bytes(tmp_path, content):
    path = tmp_path / "again.safetensors"
    save_weights(fresh_model(), path, dict(reversed(CARD.items())))
    assert path.read_bytes() == content
    save_weights(fresh_model(seed=1), path, CARD)
    assert path.read_bytes() != content


def test_loading_leaves_the_random_state_of_the_caller_as_it_was(cache):
    before = torch.random.get_rng_state()
    load_weights(find_weights(DEFAULT))
    assert torch.equal(torch.random.get_rng_state(), before)


def test_a_card_holds_the_settings_and_the_last_losses():
    params = TrainParams(n_epochs=50, crop_size=64, seed=3)
    state = new_training(1, params, CPU)
    state.history.extend([Epoch(1, 0.5, 0.4, 9.0), Epoch(2, 0.3, 0.2, 8.0)])
    card = model_card(
        state, params, training_data="noise", license="CC0", n_images=7, command="train"
    )
    expected = {
        "crop_size": 64,
        "seed": 3,
        "n_epochs": 2,
        "n_images": 7,
        "n_channels": 1,
        "final_losses": {"fidelity": 0.3, "smoothness": 0.2},
        "command": "train",
        "license": "CC0",
        "training_data": "noise",
    }
    assert expected.items() <= card.items()
    assert card["software"]["torch"] == torch.__version__
    assert json.loads(json.dumps(card)) == card


@pytest.mark.parametrize("name", ["superae-bsds", "no/such/file.safetensors", "x" * 5000])
def test_an_unknown_name_is_told_the_known_ones(name):
    with pytest.raises(WeightsError, match=r"no such file, and no .*\(known: superae-bsds500"):
        find_weights(name)


@pytest.mark.parametrize("ask", [where, verify_weights, fetch_weights])
def test_only_registered_names_can_be_looked_up(ask):
    with pytest.raises(WeightsError, match="weights='mine': expected one of superae-bsds500"):
        ask("mine")


class Touch:
    """Pickled, it creates a file as soon as somebody loads it."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return Path.touch, (self.path,)


@pytest.mark.parametrize("suffix", [".pt", ".pth", ".safetensors"])
def test_a_pickle_is_refused_and_never_run(tmp_path, suffix):
    path, trace = tmp_path / f"evil{suffix}", tmp_path / "trace"
    torch.save(Touch(trace), path)
    with pytest.raises(WeightsError, match=r"pickles \(\.pt\) are never read"):
        find_weights(path)
    assert not trace.exists()
    with path.open("rb") as file:
        torch.load(file, weights_only=False)
    assert trace.exists()


def change(content, **changes):
    """Rewrite a valid file with some tensors replaced; None removes one."""

    def write(path):
        path.write_bytes(content)
        tensors = load_file(path) | changes
        save_file({k: v for k, v in tensors.items() if v is not None}, path)

    return write


def as_bytes(make):
    return lambda content, path: path.write_bytes(make(content))


def as_tensors(**changes):
    return lambda content, path: change(content, **changes)(path)


def with_card(card):
    return lambda content, path: save_file(
        SuperAE(1).state_dict(), path, metadata={"card": card}
    )


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (as_bytes(lambda content: b""), "expected a safetensors file"),
        (as_bytes(lambda content: content[:-1]), "expected a safetensors file"),
        (as_bytes(lambda content: content[:1000]), "expected a safetensors file"),
        (as_bytes(lambda content: b"\x89PNG" * 1000), "expected a safetensors file"),
        (as_bytes(lambda content: content + b"\0"), "expected a safetensors file"),
        (
            as_tensors(**{"decoder.2.bias": None}),
            r"tensor decoder.2.bias has shape none, expected \(3,\)",
        ),
        (
            as_tensors(**{"decoder.2.bias": torch.zeros(4)}),
            r"tensor decoder.2.bias has shape \(4,\), expected \(3,\)",
        ),
        (
            as_tensors(**{"encoder.fine.0.weight": torch.zeros(64, 2, 3, 3)}),
            r"tensor decoder.2.weight has shape \(3, 64, 3, 3\), expected \(2, 64, 3, 3\)",
        ),
        (
            as_tensors(**{"encoder.fine.0.weight": torch.zeros(64)}),
            r"tensor encoder.fine.0.weight has shape \(64,\)",
        ),
        (
            as_tensors(**{"encoder.fine.0.weight": torch.zeros(64, 0, 3, 3)}),
            r"tensor encoder.fine.0.weight has shape \(64, 0, 3, 3\)",
        ),
        (as_tensors(head=torch.zeros(2)), r"tensor head has shape \(2,\), expected none"),
        (with_card("{"), "expected a safetensors file"),
        (with_card("[" * 100_000), "expected a safetensors file"),
        (with_card("[1]"), r"expected a card that is a JSON object, got \[1\]"),
        (with_card('{"loss": NaN}'), "expected a safetensors file.*not JSON compliant"),
        (
            as_tensors(**{"decoder.2.bias": torch.tensor([0.0, torch.nan, 0.0])}),
            "tensor decoder.2.bias holds NaN or infinite values",
        ),
        (
            as_tensors(**{"decoder.2.bias": torch.tensor([0.0, -torch.inf, 0.0])}),
            "tensor decoder.2.bias holds NaN or infinite values",
        ),
        (
            as_tensors(**{"decoder.2.bias": torch.full((3,), 1e300, dtype=torch.float64)}),
            "tensor decoder.2.bias holds NaN or infinite values",
        ),
    ],
)
def test_a_file_that_does_not_fit_is_refused_by_name(tmp_path, content, write, message):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content)
    assert find_weights(path).name == str(path)
    write(content, path)
    with pytest.raises(WeightsError, match=rf"mine\.safetensors: .*{message}"):
        find_weights(path)


@settings(max_examples=25, deadline=None)
@given(data=st.data())
def test_a_file_cut_anywhere_is_refused(content, tmp_path_factory, data):
    path = tmp_path_factory.mktemp("cut") / "mine.safetensors"
    path.write_bytes(content[: data.draw(st.integers(0, len(content) - 1))])
    with pytest.raises(WeightsError):
        find_weights(path)
    path.unlink()


def test_a_folder_is_refused(tmp_path):
    for folder in (tmp_path, ""):
        with pytest.raises(
            WeightsError, match=r"expected a safetensors file.*\(it is a folder"
        ):
            find_weights(folder)


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no pipes with names")
@pytest.mark.parametrize("ask", [find_weights, file_sha256])
def test_a_device_and_a_pipe_are_refused_before_they_are_read(tmp_path, ask):
    os.mkfifo(tmp_path / "pipe.safetensors")
    for path in (tmp_path / "pipe.safetensors", Path("/dev/zero")):
        with pytest.raises(WeightsError, match="is not a regular file"):
            ask(path)


def test_a_file_of_absurd_size_is_refused_before_it_is_read(tmp_path):
    path = tmp_path / "huge.safetensors"
    with path.open("wb") as file:
        file.truncate(2**31)  # without blocks on the disk
    with pytest.raises(WeightsError, match=r"has 2147483648 bytes, expected .* 1073741824"):
        find_weights(path)


def test_a_damaged_network_of_a_batch_is_refused_by_name(tmp_path):
    path, model = tmp_path / "joint.safetensors", SuperAE(1)
    embedding = embedding_of(model, 4, 0)
    save_embedding(embedding, path, {})
    load_embedding(path, model, 4, file_sha256(path))
    with pytest.raises(WeightsError, match=r"joint\.safetensors: is no network of 5 classes"):
        load_embedding(path, model, 5, file_sha256(path))
    torch.nn.init.constant_(embedding.norm.bias, torch.nan)
    save_embedding(embedding, path, {})
    with pytest.raises(WeightsError, match=r"tensor norm\.bias holds NaN"):
        load_embedding(path, model, 4, file_sha256(path))
    path.write_bytes(b"text")
    with pytest.raises(WeightsError, match="is no network"):
        load_embedding(path, model, 4, file_sha256(path))


def test_a_file_that_changed_since_it_was_found_is_refused(tmp_path, content):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content)
    file = find_weights(path)
    load_weights(file)
    save_weights(fresh_model(seed=1), path, CARD)
    with pytest.raises(WeightsError, match=rf"mine.*refused .* expected {file.sha256[:12]}"):
        load_weights(file)
    path.unlink()
    with pytest.raises(WeightsError, match=r"mine.*No such file"):
        load_weights(file)


@pytest.fixture
def hashed(monkeypatch):
    """Names of the files that were hashed, in their order."""
    names, file_hash = [], pooch.file_hash

    def counted(path, alg):
        names.append(Path(path).name)
        return file_hash(path, alg)

    monkeypatch.setattr(pooch, "file_hash", counted)
    registry._sha256.cache_clear()
    return names


def test_weights_are_hashed_once_for_many_runs(cache, hashed, quadrants):
    for name in (DEFAULT, DEFAULT, where(DEFAULT)):
        run = Run(quadrants[0], weights=name, cut_params=CutParams(n_iterations=1))
        run.result(list(run.iter_steps())[-1])
        verify_weights(DEFAULT)
    assert hashed == [WEIGHTS[DEFAULT].file]


def test_a_file_that_changes_is_hashed_again(tmp_path, hashed, content):
    path = tmp_path / "mine.safetensors"
    path.write_bytes(content)
    before = find_weights(path).sha256
    for _ in range(2):
        load_weights(find_weights(path))
    assert len(hashed) == 1
    save_weights(fresh_model(seed=1), path, CARD)
    assert find_weights(path).sha256 != before
    assert len(hashed) == 2


def test_registered_weights_are_downloaded_once(registered, cache, serve, content):
    requests = serve(content)
    assert not where("test").exists()
    file = find_weights("test")
    assert requests == [f"/some/folder/{FILE}"]
    assert file.path == cache / FILE
    assert file.path.read_bytes() == content
    assert files_in(cache) == [FILE]
    assert find_weights("test") == file
    assert fetch_weights("test") == file.path == verify_weights("test")
    assert len(requests) == 1
    assert load_weights(file).n_channels == 3


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such permissions")
def test_a_downloaded_file_can_be_read_by_colleagues(registered, cache, serve, content):
    serve(content)
    mask = os.umask(0o022)
    try:
        mode = fetch_weights("test").stat().st_mode
    finally:
        os.umask(mask)
    assert mode & 0o777 == 0o644


BAD_DOWNLOADS = {
    "server dies": lambda content: (content[:-1000], len(content)),
    "server dies early": lambda content: (content[:100], len(content)),
    "truncated": lambda content: (content[:-1000], len(content) - 1000),
    "empty": lambda content: (b"", 0),
    "a page": lambda content: (b"<html>not found</html>", 22),
    "one byte wrong": lambda content: (content[:-1] + b"\1", len(content)),
}


@pytest.mark.usefixtures("registered")
@pytest.mark.parametrize("bad", BAD_DOWNLOADS.values(), ids=BAD_DOWNLOADS)
def test_a_bad_download_leaves_no_file(cache, serve, content, bad):
    serve(*bad(content))
    with pytest.raises(WeightsError, match=rf"/some/folder/{FILE}: the download failed"):
        fetch_weights("test")
    assert files_in(cache) == []
    serve(content)
    assert fetch_weights("test").read_bytes() == content


@pytest.mark.usefixtures("registered")
def test_a_bad_download_keeps_the_file_that_was_there(cache, serve, content):
    cache.mkdir()
    (cache / FILE).write_bytes(b"damaged")
    serve(content[:100], len(content))
    with pytest.raises(WeightsError, match="the download failed"):
        fetch_weights("test")
    assert files_in(cache) == [FILE]
    assert (cache / FILE).read_bytes() == b"damaged"


def test_a_download_of_something_else_names_both_hashes(registered, cache, serve):
    serve(b"something else")
    found = hashlib.sha256(b"something else").hexdigest()
    message = rf"{FILE}: the download failed .* expected {registered.sha256} but got {found}"
    with pytest.raises(WeightsError, match=message):
        find_weights("test")


def test_a_missing_page_and_a_closed_port_are_said(registered, cache, serve, monkeypatch):
    serve(b"")
    address = os.environ["NAPARI_DSC_WEIGHTS_URL"]
    monkeypatch.setenv("NAPARI_DSC_WEIGHTS_URL", address + "elsewhere")
    with pytest.raises(WeightsError, match=rf"elsewhere/{FILE}: the download failed \(404"):
        find_weights("test")
    for nowhere in ("http://127.0.0.1:1", "no address"):
        monkeypatch.setenv("NAPARI_DSC_WEIGHTS_URL", nowhere)
        with pytest.raises(WeightsError, match=rf"{nowhere}/{FILE}: the download failed"):
            find_weights("test")
    assert files_in(cache) == []


def test_without_an_address_the_variable_that_takes_one_is_named(registered, cache):
    with pytest.raises(WeightsError, match=rf"{FILE}: .* NAPARI_DSC_WEIGHTS_URL"):
        find_weights("test")


def test_an_interrupted_download_leaves_no_file(registered, cache, serve, content, monkeypatch):
    def interrupted(self, url, output_file, pooch):
        Path(output_file).write_bytes(content[:1000])
        raise KeyboardInterrupt

    serve(content)
    with monkeypatch.context() as patch:
        patch.setattr(pooch.HTTPDownloader, "__call__", interrupted)
        with pytest.raises(KeyboardInterrupt):
            find_weights("test")
    assert files_in(cache) == []
    assert find_weights("test").path.exists()


def test_a_tampered_file_is_refused_by_name_until_it_is_fetched_again(
    registered, cache, serve, content
):
    requests = serve(content)
    path = fetch_weights("test")
    save_weights(fresh_model(seed=1), path, CARD)
    found = hashlib.sha256(path.read_bytes()).hexdigest()[:12]
    message = rf"{FILE}: refused .* {found}\.\.\., expected {registered.sha256[:12]}\.\.\."
    for ask in (find_weights, verify_weights):
        with pytest.raises(WeightsError, match=message):
            ask("test")
    assert len(requests) == 1
    assert fetch_weights("test").read_bytes() == content
    assert len(requests) == 2
    verify_weights("test")


def test_a_tampered_packaged_file_is_refused_and_not_downloaded(
    cache, serve, content, monkeypatch
):
    requests = serve(content)
    entry = WEIGHTS[DEFAULT]._replace(sha256="0" * 64)
    monkeypatch.setitem(WEIGHTS, DEFAULT, entry)
    for ask in (find_weights, verify_weights, fetch_weights):
        with pytest.raises(WeightsError, match=rf"{entry.file}: refused .* 000000000000\.\.\."):
            ask(DEFAULT)
    assert requests == []


def test_a_packaged_file_that_is_missing_is_downloaded(
    registered, cache, serve, content, monkeypatch
):
    monkeypatch.setitem(WEIGHTS, "test", registered._replace(packaged=True))
    serve(content)
    assert find_weights("test").path == cache / FILE


def test_verifying_downloads_nothing(registered, cache, serve, content):
    requests = serve(content)
    with pytest.raises(WeightsError, match=f"{FILE}: expected a weight file, got No such file"):
        verify_weights("test")
    assert requests == []


def test_a_cache_folder_that_cannot_be_made_is_an_output_error(
    registered, cache, serve, content
):
    serve(content)
    cache.write_text("a file in the way")
    with pytest.raises(OutputError, match="cache: cannot be made or written"):
        fetch_weights("test")


@pytest.mark.usefixtures("registered")
def test_a_cache_folder_that_cannot_be_written_is_an_output_error(cache, serve, monkeypatch):
    def refuse(path):
        raise PermissionError(f"{path}: read-only")

    serve(b"")
    monkeypatch.setattr("pooch.core.make_local_storage", refuse)
    with pytest.raises(OutputError, match=r"cache: cannot be made or written .*read-only"):
        fetch_weights("test")


def test_the_cache_folder_is_the_users_unless_the_variable_says_otherwise(cache, monkeypatch):
    assert cache_folder() == cache
    monkeypatch.delenv("NAPARI_DSC_WEIGHTS_DIR")
    assert cache_folder() == Path(pooch.os_cache("napari-dsc"))


def test_arrays_of_other_precision_are_converted(tmp_path, content):
    path = tmp_path / "half.safetensors"
    halves = {
        k: v.half() if v.is_floating_point() else v for k, v in SuperAE().state_dict().items()
    }
    save_file(halves, path)
    model = load_weights(find_weights(path))
    assert {weight.dtype for weight in model.parameters()} == {torch.float32}
    np.testing.assert_array_equal(
        model.decoder[2].bias.detach(), halves["decoder.2.bias"].float()
    )


def test_nothing_is_downloaded_while_that_is_switched_off(registered, cache, monkeypatch):
    monkeypatch.setenv("NAPARI_DSC_WEIGHTS_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("NAPARI_DSC_OFFLINE", "1")
    with pytest.raises(WeightsError, match="downloads are switched off"):
        fetch_weights("test")
    assert not cache.exists()
