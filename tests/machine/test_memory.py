import psutil
import pytest
import torch

from napari_dsc.machine import memory


def test_a_tile_takes_what_its_superpixels_and_its_network_take():
    outside = memory.bytes_of_tile(0, 32, 1.0)
    assert memory.bytes_of_tile(100, 32, 1.0) - outside == 100 * (330 + 1000 + 12 * 32)
    assert memory.bytes_of_tile(100, 32, 0.5) - outside == 100 * (330 + (1000 + 12 * 32) / 4)


@pytest.mark.parametrize(
    ("needed", "measured"),
    [
        (memory.bytes_to_smooth(512**2), 205 * 2**20),
        (memory.bytes_to_smooth(2048**2), 367 * 2**20),
        (memory.bytes_to_divide(1024**2, "ucm"), 395 * 2**20),
        (memory.bytes_to_divide(1024**2, "slic"), 224 * 2**20),
        (memory.bytes_to_divide(2048**2, "egb"), 1429 * 2**20),
        (memory.bytes_to_divide(64 * 256**2, "egb"), 2437 * 2**20),
        (memory.bytes_to_divide(1024**2, "mean_shift"), 260 * 2**20),
        (memory.bytes_to_cut(1024**2, 2), 616 * 2**20),
        (memory.bytes_to_cut(1024**2, 32), 1420 * 2**20),
        (memory.bytes_to_cut(1024**2, 100), 2216 * 2**20),
    ],
)
def test_the_model_is_within_a_factor_of_what_was_measured(needed, measured):
    assert 0.8 * measured < needed < 2.5 * measured


def test_the_free_memory_is_that_of_the_gpu_if_it_is_less(monkeypatch):
    main = psutil.virtual_memory()
    monkeypatch.setattr(psutil, "virtual_memory", lambda: main._replace(available=1000))
    monkeypatch.setattr(torch.cuda, "mem_get_info", lambda device: (100, 5000))
    assert memory.free_bytes(torch.device("cpu")) == 1000
    assert memory.free_bytes(torch.device("cuda")) == 100
