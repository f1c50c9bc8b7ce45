"""Processes that are killed leave nothing half-written, and the next run makes it good.

    python -m benchmarks.robustness.kill [--moments 50] [--seed 0] [--only segment,tiles]

runs each command to its end, then as often as asked kills it (SIGKILL) at a random moment and
runs it again. After a kill, each file under a final name must be whole; after the second run,
the folder must hold what an undisturbed run leaves there, and nothing else. Needs Linux or
macOS.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import imageio.v3 as iio
import numpy as np
import psutil
import tifffile
from safetensors import safe_open

from benchmarks.commands import NAPARI_DSC, argument_parser
from napari_dsc.correction.sessions import SUFFIX, load_session
from napari_dsc.files.tiff import read_record
from napari_dsc.sample_data import sample_path

if TYPE_CHECKING:
    from collections.abc import Sequence

FIRST = 0.3  # share of a run before which Python and the libraries load
LONGEST = 300.0  # seconds of a command
PATIENCE = 20.0  # seconds that workers may outlive the process that started them
CHANGING = {"batch.jsonl", "scores.csv"}  # lines in the order in which work was done
IGNORED = ("seconds", "batch")  # starts of what differs in records from run to run
SAVE = """
import sys
from pathlib import Path
from napari_dsc.correction.sessions import load_session, save_session
source, target = map(Path, sys.argv[1:])
session = load_session(source)
for _ in range(20):
    save_session(target, session)
"""


class Task(NamedTuple):
    """A command that is killed.

    Attributes
    ----------
    words : tuple of str
        The command; it writes to the folder ``out``.
    again : tuple of str
        Flags with which it is run again.
    """

    words: tuple[str, ...]
    again: tuple[str, ...] = ("--overwrite",)


CUT = ("--n-iterations", "12", "--n-superpixels", "60", "--device", "cpu")
TASKS = {
    "segment": Task((*NAPARI_DSC, "segment", "images/a.png", "-o", "out/a.tif", *CUT)),
    "tiles": Task(
        (*NAPARI_DSC, "segment", "large.tif", "-o", "out/a.zarr", "--tile", "96", *CUT)
    ),
    "tiles-tiff": Task(
        (*NAPARI_DSC, "segment", "large.tif", "-o", "out/a.tif", "--tile", "96", *CUT)
    ),
    "batch": Task(
        (*NAPARI_DSC, "batch", "images", "-o", "out", "--workers", "2", *CUT), ("--resume",)
    ),
    "train": Task(
        (
            *(*NAPARI_DSC, "train", "images", "-o", "out/w.safetensors", "--device", "cpu"),
            *("--n-epochs", "4", "--crop-size", "48", "--batch-size", "2"),
        ),
        ("--resume",),
    ),
    "evaluate": Task(
        (
            *(*NAPARI_DSC, "evaluate", "folder", "images", "labels", "-o", "out"),
            *("--scales", "20,10", "--processes", "1", "--device", "cpu"),
            *("--cut.n-iterations", "8"),
        ),
        (),
    ),
    "session": Task((sys.executable, "-c", SAVE, f"one{SUFFIX}", f"out/one{SUFFIX}"), ()),
}


def make_inputs(folder: Path) -> None:
    """Write three small images, their labels and a session."""
    from benchmarks.robustness.inputs import write_inputs

    (folder / "images").mkdir()
    (folder / "labels").mkdir()
    whole = iio.imread(sample_path("tissue"))
    tifffile.imwrite(folder / "large.tif", whole[:160, :200], photometric="rgb")
    for number, name in enumerate("abc"):
        part = whole[40 * number : 40 * number + 160, :200]
        iio.imwrite(folder / "images" / f"{name}.png", part)
        labels = (part[..., 0] > 128).astype(np.uint8) + 1
        tifffile.imwrite(folder / "labels" / f"{name}.tif", labels)
    with tempfile.TemporaryDirectory() as other:
        [session] = write_inputs(Path(other))["session"]
        shutil.copyfile(session, folder / session.name)


def run(words: Sequence[str], folder: Path) -> float:
    """Run a command to its end; the seconds it took."""
    start = time.monotonic()
    done = subprocess.run(
        words, cwd=folder, capture_output=True, timeout=LONGEST, check=False, text=True
    )
    if done.returncode:
        raise RuntimeError(f"status {done.returncode}: {done.stderr[-400:]}")
    return time.monotonic() - start


def kill(words: Sequence[str], folder: Path, seconds: float) -> bool:
    """Kill a command after some seconds; False if its workers had to be killed as well."""
    with (folder / "said").open("wb") as said:
        process = subprocess.Popen(
            words, cwd=folder, stdout=said, stderr=said, start_new_session=True
        )
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        process.kill()
        process.wait()
    end = time.monotonic() + PATIENCE
    while _members(process.pid) and time.monotonic() < end:
        time.sleep(0.1)
    left = _members(process.pid)
    if left:
        os.killpg(process.pid, signal.SIGKILL)
    (folder / "said").unlink()
    return not left


def _members(session: int) -> list[int]:
    """Processes of a session that still live."""
    found = []
    for one in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if os.getsid(one.pid) == session and one.status() != psutil.STATUS_ZOMBIE:
                found.append(one.pid)
    return found


def contents(folder: Path) -> dict[str, str]:
    """Everything in a folder, by name: a hash of what does not depend on the time."""
    return {
        str(path.relative_to(folder)): _content(path)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not path.name.endswith(".lock")
    }


def _content(path: Path) -> str:
    if path.name in CHANGING:
        return ""
    if path.suffix == ".tif":
        with tifffile.TiffFile(path) as file:
            record = _timeless(read_record(path))
            return _hash(file.asarray().tobytes() + json.dumps(record).encode())
    if path.suffix == ".json":
        return _hash(json.dumps(_timeless(json.loads(path.read_text()))).encode())
    if path.suffix in {".csv", ".png", ".md"}:
        return ""  # they hold seconds
    if path.suffix == ".npz":
        found = load_session(path)
        return _hash(found.labels.tobytes() + found.parts.superpixels.tobytes())
    if path.suffix == ".safetensors":
        with safe_open(path, "np") as file:
            return _hash(
                b"".join(file.get_tensor(key).tobytes() for key in sorted(file.keys()))
            )
    return _hash(path.read_bytes())


def _timeless(record: Any) -> Any:
    if isinstance(record, dict):
        return {
            key: _timeless(value)
            for key, value in record.items()
            if not key.startswith(IGNORED)
        }
    return [_timeless(one) for one in record] if isinstance(record, list) else record


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def faults_after_kill(folder: Path, expected: dict[str, str]) -> list[str]:
    """Files under a final name that are not whole."""
    faults = []
    stores = {path for path in folder.rglob("*.zarr") if not path.name.startswith(".")}
    for store in stores:
        inside = {
            name: content
            for name, content in expected.items()
            if name.startswith(f"{store.name}/")
        }
        found = {f"{store.name}/{name}": one for name, one in contents(store).items()}
        if found != inside:
            faults.append(f"{store.name} is not whole")
    for path in folder.rglob("*"):
        name = str(path.relative_to(folder))
        if not path.is_file() or name.startswith(".") or stores & set(path.parents):
            continue
        try:
            _is_whole(path)
            is_final = path.suffix in {".tif", ".npz"}
            if is_final and _content(path) != expected.get(name, ""):
                faults.append(f"{name} differs")
        except Exception as error:
            faults.append(f"{name} cannot be read: {error!r:.100}")
    return faults


def _is_whole(path: Path) -> None:
    """Read a file; an error if it is not whole."""
    if path.suffix == ".png":
        iio.imread(path)
    elif path.suffix == ".csv" or path.suffix == ".jsonl":
        lines = path.read_text().splitlines()
        if path.suffix == ".csv" and len({line.count(",") for line in lines}) > 1:
            raise ValueError("lines of several lengths")
        for line in lines if path.suffix == ".jsonl" else ():
            json.loads(line)
    else:
        _content(path)


def attempt(task: Task, folder: Path, seconds: float, expected: dict[str, str]) -> list[str]:
    """Kill a command and run it again; what is wrong then."""
    is_alone = kill(task.words, folder, seconds)
    faults = [] if is_alone else ["workers went on"]
    out = folder / "out"
    faults += faults_after_kill(out, expected)
    again = task.again
    if again == ("--resume",) and "train" in task.words:
        has_checkpoint = (out / "w.checkpoint.safetensors").exists()
        again = again if has_checkpoint else ("--overwrite",)
    try:
        run((*task.words, *again), folder)
    except (RuntimeError, subprocess.TimeoutExpired) as error:
        return [*faults, f"second run: {error}"]
    found = contents(out)
    faults += [f"{name} left" for name in found.keys() - expected.keys()]
    faults += [f"{name} missing" for name in expected.keys() - found.keys()]
    same = found.keys() & expected.keys()
    return faults + [f"{name} is another" for name in same if found[name] != expected[name]]


def try_task(name: str, moments: int, rng: random.Random) -> int:
    """Kill one of the commands at random moments, print what is wrong; number of faults."""
    task, counts = TASKS[name], Counter[str]()
    with tempfile.TemporaryDirectory() as place:
        inputs = Path(place, "inputs")
        inputs.mkdir()
        make_inputs(inputs)

        def fresh(number: int) -> Path:
            folder = Path(place, str(number))
            shutil.copytree(inputs, folder)
            (folder / "out").mkdir()
            return folder

        whole = fresh(-1)
        seconds = run(task.words, whole)
        expected = contents(whole / "out")
        for number in range(moments):
            folder, moment = fresh(number), rng.uniform(FIRST, 1.05) * seconds
            faults = attempt(task, folder, moment, expected)
            counts["with faults" if faults else "good"] += 1
            if faults:
                print(f"  {name} killed after {moment:.2f} of {seconds:.2f} s: {faults}")
            shutil.rmtree(folder)
    print(f"{name:10} {moments} moments in {seconds:.1f} s: {dict(counts)}", flush=True)
    return counts["with faults"]


def main() -> int:
    """Try the tasks that are asked for."""
    parser = argument_parser(__doc__)
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default=",".join(TASKS))
    given = parser.parse_args()
    rng = random.Random(given.seed)
    faults = [try_task(name, given.moments, rng) for name in given.only.split(",")]
    return int(any(faults))


if __name__ == "__main__":
    sys.exit(main())
