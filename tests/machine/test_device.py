import pytest
import torch

from napari_dsc.errors import DeviceUnavailableError, DSCError
from napari_dsc.machine import device as module


def test_auto_takes_the_cpu_where_there_is_no_cuda(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert module.resolve_device("auto") == torch.device("cpu")


def test_auto_takes_the_first_cuda_device(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert module.resolve_device("auto") == torch.device("cuda:0")


@pytest.mark.parametrize("name", ["gpu", "cuda:", "cuda:x", "CPU", "", 0])
def test_an_unknown_device_is_refused_with_the_choices(name):
    with pytest.raises(
        DeviceUnavailableError, match=r"expected auto, cpu, cuda, cuda:N or mps"
    ):
        module.resolve_device(name)


def test_a_missing_cuda_device_is_refused_with_the_reason(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 0)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    with pytest.raises(DSCError, match=r"device='cuda:3': .+"):
        module.resolve_device("cuda:3")


def test_a_cuda_device_beyond_the_last_is_refused(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)

    assert module.resolve_device("cuda:1") == torch.device("cuda:1")
    with pytest.raises(DeviceUnavailableError, match=r"2 device\(s\)"):
        module.resolve_device("cuda:2")


def test_mps_is_refused_where_there_is_none(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: False)

    with pytest.raises(DeviceUnavailableError, match="Apple"):
        module.resolve_device("mps")


def test_mps_is_taken_where_there_is_one(monkeypatch):
    monkeypatch.setattr(torch.backends.mps, "is_available", lambda: True)

    assert module.resolve_device("mps") == torch.device("mps")
    assert ("mps", "Apple GPU", 0) in module.accelerators()


@pytest.mark.parametrize(
    ("system", "built_for", "words"),
    [
        ("Darwin", None, "macOS"),
        ("Linux", None, "pip install --force-reinstall torch"),
        ("Linux", "12.6", "nvidia-smi"),
    ],
)
def test_the_reason_for_no_cuda_says_what_would_mend_it(monkeypatch, system, built_for, words):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(module.platform, "system", lambda: system)
    monkeypatch.setattr(torch.version, "cuda", built_for)

    assert words in module.cuda_status()


def test_devices_that_the_driver_is_too_old_for_do_not_count(monkeypatch):
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)

    assert [found.name for found in module.accelerators() if "cuda" in found.name] == []
    with pytest.raises(DeviceUnavailableError, match="device='cuda'"):
        module.resolve_device("cuda")


@pytest.mark.parametrize(
    ("error", "answer"),
    [
        (MemoryError(), True),
        (torch.OutOfMemoryError("CUDA out of memory"), True),
        (RuntimeError("DefaultCPUAllocator: can't allocate memory"), True),
        (RuntimeError("CUDA error: an illegal memory access was encountered"), False),
        (ValueError("out of memory"), False),
    ],
)
def test_lack_of_memory_is_told_from_other_errors(error, answer):
    assert module.is_out_of_memory(error) is answer


def test_cuda_devices_are_listed_with_their_memory(monkeypatch):
    class Properties:
        name, total_memory = "Test GPU", 8 * 2**30

    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "get_device_properties", lambda index: Properties)

    assert module.accelerators()[0] == ("cuda:0", "Test GPU", 8 * 2**30)
    assert "1 device(s)" in module.cuda_status()


def test_reproducible_switches_cuda_back_to_what_it_was(monkeypatch):
    monkeypatch.setenv("CUBLAS_WORKSPACE_CONFIG", ":16:8")
    assert torch.get_deterministic_debug_mode() == 0

    with module.reproducible(torch.device("cuda")):
        assert torch.get_deterministic_debug_mode() == 1

    assert torch.get_deterministic_debug_mode() == 0


def test_reproducible_leaves_the_cpu_alone():
    with module.reproducible(torch.device("cpu")):
        assert not torch.are_deterministic_algorithms_enabled()
