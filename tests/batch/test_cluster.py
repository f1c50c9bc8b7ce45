"""Tasks on workers that fail, die and lose their scheduler."""

import collections
import contextlib
import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path

import dask
import distributed
import pytest

from doers import do_or_die
from napari_dsc.batch import cluster
from napari_dsc.batch.cluster import connect, describe, done_once, iter_outcomes
from napari_dsc.batch.tasks import Task
from napari_dsc.errors import ComputationError, InvalidParameterError, OutputError
from napari_dsc.segmenting.settings import Settings

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def client():
    """Client of two worker processes, each of which has a GPU as far as it says."""
    options = {
        "n_workers": 2,
        "threads_per_worker": 1,
        "memory_limit": 0,
        "dashboard_address": "127.0.0.1:0",
        "resources": {"GPU": 1},
        "silence_logs": 60,
    }
    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 1}),
        distributed.LocalCluster(**options) as workers,
        distributed.Client(workers, set_as_default=False) as client,
    ):
        yield client


def tasks(folder, *names):
    return [
        Task(Path(f"{name}.png"), folder / f"{name}.tif", Settings(), "batch") for name in names
    ]


def test_only_workers_with_the_resource_count(client):
    client.wait_for_workers(2, timeout=60)
    words, _, dashboard = describe(client, {}).partition(", dashboard ")
    assert words == "2 workers"
    assert dashboard == client.dashboard_link
    assert describe(client, {"GPU": 1}).startswith("2 workers with the resource GPU")
    assert describe(client, {"GPU": 2}).startswith("waiting for a worker with the resource GPU")


def test_what_fails_or_dies_costs_nobody_else(client, tmp_path):
    names = ["a", "dies_once", "b", "odd", "c", "dies", *map(str, range(6))]
    outcomes = list(iter_outcomes(client, tasks(tmp_path, *names), do_or_die, {cluster.GPU: 1}))
    found = {outcome.source.stem: outcome for outcome in outcomes}
    assert sorted(found) == sorted(names)
    assert len(outcomes) == len(names)
    assert {name for name in names if found[name].state == "failed"} == {"odd", "dies"}
    assert found["odd"].error == "ValueError: an odd file"
    assert "2 more workers died" in found["dies"].error
    begun = collections.Counter((tmp_path / "begun").read_text().split())
    assert begun["dies_once"] == 2
    assert begun["dies"] >= 3  # with the others, and twice alone
    # a result that lay on a dying worker, not told yet, may be asked for again
    assert {begun[name] for name in names if not name.startswith("dies")} <= {1, 2}


def test_what_is_done_once_tells_its_result_its_error_or_its_death(client, tmp_path):
    one, odd, dies = tasks(tmp_path, "one", "refused", "dies")
    assert done_once(client, do_or_die, one, {cluster.GPU: 1}).state == "done"
    with pytest.raises(OutputError, match="refused"):
        done_once(client, do_or_die, odd, {})
    with pytest.raises(ComputationError, match="2 workers died during training"):
        done_once(client, do_or_die, dies, {})


def test_whoever_stops_withdraws_what_waits(client, tmp_path):
    outcomes = iter_outcomes(client, tasks(tmp_path, "a", "slow", "b"), do_or_die, {})
    assert next(outcomes).source.stem in "ab"
    assert "pending" in {state.status for state in client.futures.values()}
    outcomes.close()
    assert "pending" not in {state.status for state in client.futures.values()}
    client.restart()  # ends what sleeps


def test_a_scheduler_that_nobody_answers_for_is_wrong_input(monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 0.3)
    for address in ("tcp://127.0.0.1:1", "no address"):
        with (
            pytest.raises(InvalidParameterError, match="no scheduler answers"),
            connect(address),
        ):
            pass


def address_in(place):
    """Address in the file of a scheduler, empty while it is not written to its end."""
    try:
        return json.loads(place.read_text())["address"]
    except (FileNotFoundError, ValueError):
        return ""


@pytest.mark.parametrize(("n_failures", "is_connected"), [(1, True), (2, False)])
def test_a_busy_machine_gets_a_second_try_and_then_a_sentence(
    monkeypatch, n_failures, is_connected
):
    """distributed.Client raises a bare AssertionError if its thread needs 10 s to start."""
    tries = []

    def start(*_, **__):
        tries.append(1)
        assert len(tries) > n_failures
        return contextlib.nullcontext("client")

    monkeypatch.setattr(distributed, "Client", start)
    if is_connected:
        with connect("tcp://127.0.0.1:9"):
            assert len(tries) == 2
    else:
        with pytest.raises(ComputationError, match="machine is busy; try again"):
            connect("tcp://127.0.0.1:9").__enter__()


def test_a_scheduler_that_dies_ends_the_batch_in_words(tmp_path, monkeypatch):
    monkeypatch.setattr(cluster, "CONNECT_SECONDS", 5)
    place = tmp_path / "scheduler.json"
    command = [sys.executable, "-m", "distributed.cli.dask_scheduler", "--no-dashboard"]
    where = ["--host", "127.0.0.1", "--port", "0", "--scheduler-file", str(place)]
    paths = {"PYTHONPATH": os.pathsep.join(sys.path)}  # it unpacks what it hands on
    quiet = {"env": os.environ | paths, "stderr": subprocess.DEVNULL}
    with subprocess.Popen([*command, *where], **quiet) as process:
        try:
            while not (address := address_in(place)):
                assert process.poll() is None
                time.sleep(0.1)
            with connect(address) as client:
                outcomes = iter_outcomes(client, tasks(tmp_path, "a", "b"), do_or_die, {})
                threading.Timer(0.5, process.kill).start()  # nobody works for this scheduler
                with pytest.raises(ComputationError, match="connection is lost"):
                    raise AssertionError(next(outcomes))
        finally:
            process.kill()  # else the end of the block would wait for it
