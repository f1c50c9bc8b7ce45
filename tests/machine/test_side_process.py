import contextlib
import importlib
import math
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from holds import is_once_below, longest_hold, measures_holds
from napari_dsc import CutParams, InvalidParameterError, SuperpixelParams, TreeParams
from napari_dsc.errors import ComputationError
from napari_dsc.hierarchy.construction import grow_tree
from napari_dsc.machine.side_process import (
    LEAST_PIXELS,
    close_idle_helper,
    prepare_side_process,
    run_in_side_process,
    side_process,
)
from napari_dsc.superpixels.methods import SUPERPIXEL_METHODS, over_segment_pixels

MANY = np.zeros((1, LEAST_PIXELS), np.uint8)

FUNCTIONS = """
import os, time
from napari_dsc import InvalidParameterError

def process_of(values):
    return os.getpid()

def fail(values, words):
    raise InvalidParameterError(words)

def speak(values):
    os.write(1, b"from a library")
    print("from Python", flush=True)
    return 3

def sleep(values):
    time.sleep(60)  # unless it is ended

def die(values):
    os._exit(5)
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "functions_of_a_test.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    close_idle_helper()  # it would not find them
    yield importlib.import_module("functions_of_a_test")
    close_idle_helper()
    del sys.modules["functions_of_a_test"]


PROGRAM = """
import os, numpy
from napari_dsc.machine.side_process import LEAST_PIXELS, run_in_side_process, side_process

with side_process(lambda: None, 1):
    image = numpy.zeros((1, LEAST_PIXELS), numpy.uint8)
    run_in_side_process(len, image)
    from napari_dsc.machine.side_process import _current
    print(_current.get().helper._process.pid)
"""


def never():
    pass


def helpers():
    """Processes that were started here, and have not ended."""
    children = psutil.Process().children()
    return [one for one in children if "side_process" in " ".join(one.cmdline())]


def test_without_a_side_process_a_function_is_called_here(functions):
    assert run_in_side_process(functions.process_of, MANY) == os.getpid()


def test_small_arrays_stay_here(functions):
    with side_process(never, 1):
        assert run_in_side_process(functions.process_of, MANY[:, :-1]) == os.getpid()
        stack = MANY.reshape(1, 32, 32, -1)
        assert run_in_side_process(functions.process_of, stack[:, 1:]) == os.getpid()
        channels = np.repeat(stack[:, 1:], 3, axis=0)
        assert run_in_side_process(functions.process_of, channels) == os.getpid()
        assert run_in_side_process(functions.process_of, stack) != os.getpid()


def test_one_process_serves_all_calls_and_waits_for_the_next_run(functions):
    found = []
    for _ in range(2):
        with side_process(never, 1):
            found.append(run_in_side_process(functions.process_of, MANY))
            found.append(run_in_side_process(functions.process_of, values=MANY))
    assert len(set(found)) == 1
    assert found[0] != os.getpid()
    close_idle_helper()
    assert not psutil.pid_exists(found[0])


def test_another_number_of_threads_takes_another_process(functions):
    found = []
    for n_threads in (1, 2):
        with side_process(never, n_threads):
            found.append(run_in_side_process(functions.process_of, MANY))
    assert found[0] != found[1]
    assert not psutil.pid_exists(found[0])


def test_two_runs_at_the_same_time_have_a_process_each_and_one_is_kept(functions):
    with side_process(never, 1):
        one = run_in_side_process(functions.process_of, MANY)
        with side_process(never, 1):
            other = run_in_side_process(functions.process_of, MANY)
    assert one != other
    assert [psutil.pid_exists(process) for process in (one, other)] == [False, True]


def test_a_process_that_died_while_it_waited_is_replaced(functions):
    with side_process(never, 1):
        process = run_in_side_process(functions.process_of, MANY)
    psutil.Process(process).kill()
    with contextlib.suppress(psutil.NoSuchProcess):
        while psutil.Process(process).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
    with side_process(never, 1):
        assert run_in_side_process(functions.process_of, MANY) != process


def test_the_process_that_waits_ends_with_the_program(tmp_path):
    (tmp_path / "program.py").write_text(PROGRAM)
    command = [sys.executable, "-W", "error", tmp_path / "program.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stderr == ""
    begin = time.monotonic()
    while psutil.pid_exists(int(done.stdout)) and time.monotonic() < begin + 60:
        time.sleep(0.05)
    assert not psutil.pid_exists(int(done.stdout))


def test_a_process_that_was_prepared_has_loaded_the_function(functions):
    with side_process(never, 1):
        prepare_side_process(functions.process_of, MANY[:, :-1])
        assert helpers() == []
        prepare_side_process(functions.process_of, MANY)
        (process,) = helpers()
        prepare_side_process(functions.process_of, MANY)
        assert run_in_side_process(functions.process_of, MANY) == process.pid


def test_a_generator_that_another_thread_closes_ends_the_run(functions):
    def steps():
        with side_process(never, 1):
            yield run_in_side_process(functions.process_of, MANY)

    generator = steps()
    process = next(generator)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(generator.close).result()
    assert [one.pid for one in helpers()] == [process]  # for the next run
    assert run_in_side_process(functions.process_of, MANY) == os.getpid()


def test_no_process_starts_before_it_is_needed(functions, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    with side_process(never, 1):
        run_in_side_process(functions.process_of, MANY[:, :1])


def test_errors_come_back_as_they_are_and_the_process_goes_on(functions):
    with side_process(never, 1):
        with pytest.raises(InvalidParameterError, match=r"^count=0: expected 1$"):
            run_in_side_process(functions.fail, MANY, "count=0: expected 1")
        assert run_in_side_process(np.size, MANY) == LEAST_PIXELS


def test_what_a_function_prints_does_not_disturb_the_answer(functions):
    with side_process(never, 1):
        assert run_in_side_process(functions.speak, MANY) == 3


def test_what_the_check_raises_ends_the_computation(functions):
    begin = time.monotonic()

    def stop():
        if time.monotonic() > begin + 0.5:
            raise KeyError("enough")

    with side_process(stop, 1), pytest.raises(KeyError, match="enough"):
        run_in_side_process(functions.sleep, MANY)
    assert helpers() == []


def test_a_process_that_dies_is_told_and_another_takes_its_place(functions):
    with side_process(never, 1):
        with pytest.raises(ComputationError, match="exit status 5"):
            run_in_side_process(functions.die, MANY)
        assert run_in_side_process(np.size, MANY) == LEAST_PIXELS


def test_an_interpreter_without_a_program_computes_here(functions, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    with side_process(never, 1):
        assert run_in_side_process(functions.process_of, MANY) == os.getpid()


def test_superpixels_are_the_same_from_both_places():
    rng = np.random.default_rng(0)
    pixels = rng.random((1, 182, 182), np.float32)  # just large enough to be sent
    pixels[:, 50:140, 80:] += 1
    params = SuperpixelParams(superpixels="ucm", n_superpixels=30)
    here = over_segment_pixels(pixels / 2, params)
    with side_process(never, 1):
        there = run_in_side_process(over_segment_pixels, pixels / 2, params)
    np.testing.assert_array_equal(there, here)
    assert pixels[0].size >= LEAST_PIXELS
    assert here.max() > CutParams().n_partitions / 2


def salted(side):
    """Bright pixels on black: one basin with thousands of neighbors, the worst for higra."""
    image = np.zeros((1, side, side), np.float32)
    salt = image[:, 2::4, 2::4]
    salt[:] = np.random.default_rng(0).random(salt.shape)
    return image


LESS = math.isqrt(LEAST_PIXELS - 1)  # pixels a side, just small enough to stay
IMAGES = {
    "noise": np.random.default_rng(0).random((1, LESS, LESS), np.float32),
    "salt": salted(LESS),
    "stack": np.random.default_rng(0).random((1, 31, 31, 31), np.float32),
}


@measures_holds
@pytest.mark.parametrize("image", IMAGES.values(), ids=IMAGES.keys())
@pytest.mark.parametrize("method", [*SUPERPIXEL_METHODS, "tree"])
def test_what_is_computed_here_lets_other_threads_move(method, image):
    if method == "tree":
        call = grow_tree, image, TreeParams()
    else:
        params = SuperpixelParams(superpixels=method, n_superpixels=100)
        call = over_segment_pixels, image, params
    assert is_once_below(0.2, call)


@measures_holds
def test_what_the_helper_computes_lets_other_threads_move():
    call = run_in_side_process, over_segment_pixels, salted(280), SuperpixelParams()
    with side_process(never, 1):
        assert is_once_below(0.1, call)
    assert longest_hold(*call) > 0.2
