import importlib
import os
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import psutil
import pytest

from napari_dsc import CutParams, InvalidParameterError, SuperpixelParams
from napari_dsc.errors import ComputationError
from napari_dsc.machine.side_process import LEAST_IN_SPACE, LEAST_VALUES, apart, side_process
from napari_dsc.superpixels.methods import over_segment_pixels

MANY = np.zeros(LEAST_VALUES, np.uint8)


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
    time.sleep(60)

def die(values):
    os._exit(5)
"""


@pytest.fixture
def functions(tmp_path, monkeypatch):
    (tmp_path / "functions_of_a_test.py").write_text(FUNCTIONS)
    monkeypatch.syspath_prepend(tmp_path)
    yield importlib.import_module("functions_of_a_test")
    del sys.modules["functions_of_a_test"]


def never():
    pass


def test_without_a_side_process_a_function_is_called_here(functions):
    assert apart(functions.process_of, MANY) == os.getpid()


def test_small_arrays_stay_here(functions):
    with side_process(never, 1):
        assert apart(functions.process_of, MANY[:-1]) == os.getpid()
        stack = MANY[:LEAST_IN_SPACE].reshape(1, 64, 64, -1)
        assert apart(functions.process_of, stack[:, 1:]) == os.getpid()
        assert apart(functions.process_of, stack) != os.getpid()


def test_one_process_serves_all_calls_and_is_gone_afterwards(functions):
    with side_process(never, 1):
        first, second = (
            apart(functions.process_of, MANY),
            apart(functions.process_of, values=MANY),
        )
        assert first == second != os.getpid()
        assert psutil.pid_exists(first)
    assert not psutil.pid_exists(first)


def test_a_generator_that_another_thread_closes_leaves_no_process(functions):
    def steps():
        with side_process(never, 1):
            yield apart(functions.process_of, MANY)

    generator = steps()
    process = next(generator)
    with ThreadPoolExecutor(1) as pool:
        pool.submit(generator.close).result()
    assert not psutil.pid_exists(process)
    assert apart(functions.process_of, MANY) == os.getpid()


def test_no_process_starts_before_it_is_needed(functions, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    with side_process(never, 1):
        apart(functions.process_of, MANY[:1])


def test_errors_come_back_as_they_are_and_the_process_goes_on(functions):
    with side_process(never, 1):
        with pytest.raises(InvalidParameterError, match=r"^count=0: expected 1$"):
            apart(functions.fail, MANY, "count=0: expected 1")
        assert apart(len, MANY) == LEAST_VALUES


def test_what_a_function_prints_does_not_disturb_the_answer(functions):
    with side_process(never, 1):
        assert apart(functions.speak, MANY) == 3


def test_what_the_check_raises_ends_the_computation(functions):
    begin = time.monotonic()

    def stop():
        if time.monotonic() > begin + 2:
            raise KeyError("enough")

    with side_process(stop, 1), pytest.raises(KeyError, match="enough"):
        apart(functions.sleep, MANY)
    assert 2 < time.monotonic() - begin < 30
    assert not [p for p in psutil.Process().children() if "side_process" in str(p.cmdline())]


def test_a_process_that_dies_is_told_and_another_takes_its_place(functions):
    with side_process(never, 1):
        with pytest.raises(ComputationError, match="exit status 5"):
            apart(functions.die, MANY)
        assert apart(len, MANY) == LEAST_VALUES


def test_an_interpreter_without_a_program_computes_here(functions, monkeypatch):
    monkeypatch.setattr(sys, "executable", "")
    with side_process(never, 1):
        assert apart(functions.process_of, MANY) == os.getpid()


def test_superpixels_are_the_same_from_both_places():
    rng = np.random.default_rng(0)
    pixels = rng.random((1, 726, 726), np.float32)
    pixels[:, 200:500, 300:] += 1
    params = SuperpixelParams(superpixels="watershed", n_superpixels=30)
    here = over_segment_pixels(pixels / 2, params)
    with side_process(never, 1):
        there = apart(over_segment_pixels, pixels / 2, params)
    np.testing.assert_array_equal(there, here)
    assert here.max() > CutParams().n_partitions / 2
