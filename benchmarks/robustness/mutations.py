"""Damage to valid inputs: bytes of files, values of metadata, members of folders."""

from __future__ import annotations

import copy
import json
import re
import shutil
import struct
from typing import TYPE_CHECKING, Any

import numpy as np

from benchmarks.robustness.inputs import members_of, npz_of, rewrite_tensors, tensors_of

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

ODD_VALUES: tuple[Any, ...] = (
    *(None, True, -1, 0, 1, 2.5, 2**31 - 1, 2**63, 10**30, 1e308, -0.0),
    *(float("nan"), float("inf"), "", "nan", "0", "text", "YX", "T" * 300),
    *("\0", "\x1b[31mred", "\x9b31m\r\x07", "../..", "/etc", "/dev/zero", "\ud800", "\u202e"),
    *([], [[]], {}, {"a": 1}, [-1], [0, 0], [1e9, 1e9], ["y"], [None] * 5, [[1, 2], [3]]),
)
ODD_TEXTS = (
    *(b"", b"\0" * 40, b"null", b"NaN", b"[]", b"{", b"{}}", b'"\\ud800"', b"\x80"),
    *(b"\xef\xbb\xbf{}", b"\xff\xfe{\0}\0", b"[" * 100_000, b'{"a":' * 50_000),
    b'{"a": ' + b"9" * 6000 + b"}",
)
NUMBERS = tuple(
    struct.pack(order + kind, value)
    for order in "<>"
    for kind, values in (
        ("H", (0, 1, 8, 255, 2**15, 2**16 - 1)),
        ("I", (0, 1, 2**16, 2**31 - 1, 2**31, 2**32 - 1)),
        ("Q", (0, 2**32, 2**63 - 1, 2**64 - 1)),
        ("d", (float("nan"), float("inf"), -1.0)),
    )
    for value in values
)
TOKEN = re.compile(rb"(?<=[=\"':\[, ])-?\d+(?:\.\d+)?|(?<=\")[A-Za-z][\w.]*(?=\")")
SMALL_TEXTS = (b"nan", b"-1", b"0", b"1e999", b"inf", b"x", b"9999999999999999999", b"")
HEAD = 512  # bytes at the start of a file, where most of its structure is

Content = bytes
Generator = np.random.Generator


def mutate(path: Path, kind: str, rng: Generator) -> str:
    """Damage an input in place.

    Parameters
    ----------
    path : Path
        File, or folder of zarr.
    kind : str
        A name of `READERS`.
    rng : Generator
        Decides how.

    Returns
    -------
    words : str
        Names of what was done.
    """
    done = []
    for _ in range(1 + int(rng.random() < 0.3)):
        if path.is_dir():
            done.append(_mutate_folder(path, rng))
        elif path.is_file():
            change = _pick(_CHANGES[kind], rng)
            path.write_bytes(change(path.read_bytes(), rng))
            done.append(change.__name__)
    return ", ".join(done)


def _pick(values: Any, rng: Generator) -> Any:
    return values[int(rng.integers(len(values)))]


def _place(content: Content, rng: Generator) -> int:
    """Place in a file; every second one near its start."""
    most = min(len(content), HEAD) if rng.random() < 0.5 else len(content)
    return int(rng.integers(max(most, 1)))


def flip_bits(content: Content, rng: Generator) -> Content:
    """Flip up to eight bits."""
    damaged = bytearray(content)
    for _ in range(int(rng.integers(1, 9))):
        if damaged:
            damaged[_place(content, rng)] ^= 1 << int(rng.integers(8))
    return bytes(damaged)


def cut_short(content: Content, rng: Generator) -> Content:
    """Leave out the end."""
    return content[: _place(content, rng)]


def drop_range(content: Content, rng: Generator) -> Content:
    """Leave out up to 64 bytes."""
    start = _place(content, rng)
    return content[:start] + content[start + int(rng.integers(1, 65)) :]


def insert_bytes(content: Content, rng: Generator) -> Content:
    """Insert random bytes."""
    start = _place(content, rng)
    return content[:start] + rng.bytes(int(rng.integers(1, 33))) + content[start:]


def repeat_range(content: Content, rng: Generator) -> Content:
    """Repeat up to 256 bytes."""
    start, length = _place(content, rng), int(rng.integers(1, 257))
    return content[: start + length] + content[start:]


def set_number(content: Content, rng: Generator) -> Content:
    """Write a number as a header may hold it."""
    number: bytes = _pick(NUMBERS, rng)
    start = _place(content, rng) & ~1
    return content[:start] + number + content[start + len(number) :]


def fill_range(content: Content, rng: Generator) -> Content:
    """Fill up to 128 bytes."""
    start, length = _place(content, rng), int(rng.integers(1, 129))
    value: bytes = _pick((b"\0", b"\xff", b" "), rng)
    return content[:start] + value * length + content[start + length :]


def set_token(content: Content, rng: Generator) -> Content:
    """Another number or word in XML or JSON, as long as the old one, so that offsets hold."""
    found = list(TOKEN.finditer(content[:65536]))
    if not found:
        return flip_bits(content, rng)
    start, end = _pick(found, rng).span()
    text: bytes = _pick(SMALL_TEXTS, rng)[: end - start].ljust(end - start)
    return content[:start] + text + content[end:]


def odd_text(content: Content, rng: Generator) -> Content:
    """Write a text that is no JSON, or hard to parse, alone or before the rest."""
    text: bytes = _pick(ODD_TEXTS, rng)
    return text if rng.random() < 0.7 else text + content


def odd_json(content: Content, rng: Generator) -> Content:
    """JSON with another value, name or member somewhere."""
    try:
        tree = json.loads(content)
    except (ValueError, RecursionError):
        return flip_bits(content, rng)
    tree = change_tree(tree, rng)
    return json.dumps(tree).encode()


def change_tree(tree: Any, rng: Generator) -> Any:
    """Copy of parsed JSON that differs in one place."""
    tree = copy.deepcopy(tree)
    parent, key = _pick(list(_members({"root": tree})), rng)
    if key == "root":
        return _pick(ODD_VALUES, rng)
    action = int(rng.integers(5))
    if action == 0 and isinstance(parent, dict):
        del parent[key]
    elif action == 1 and isinstance(parent, dict):
        parent[str(_pick(ODD_VALUES, rng))] = parent.pop(key)
    elif action == 2 and isinstance(parent[key], list):
        parent[key] = parent[key] * 2 or [0]
    else:
        parent[key] = _pick(ODD_VALUES, rng)
    return tree


def _members(parent: Any) -> Any:
    keys = parent if isinstance(parent, dict) else range(len(parent))
    for key in keys:
        yield parent, key
        if isinstance(parent[key], dict | list):
            yield from _members(parent[key])


def odd_tensors(content: Content, rng: Generator) -> Content:
    """Safetensors with another header."""
    try:
        header, _ = tensors_of(content)
        tree = json.loads(header)
        card = tree["__metadata__"]
    except (ValueError, LookupError, TypeError, RecursionError):  # damaged before
        return flip_bits(content, rng)
    if rng.random() < 0.4 and isinstance(card, dict) and card:
        key = next(iter(card))
        card[key] = str(_pick((odd_json, odd_text), rng)(card[key].encode(), rng), "latin-1")
        return rewrite_tensors(content, json.dumps(tree).encode())
    return rewrite_tensors(content, _pick((odd_json, odd_text), rng)(header, rng))


def odd_values(content: Content, rng: Generator) -> Content:
    """Safetensors with numbers that are not finite, or huge."""
    value = struct.pack("<f", _pick((float("nan"), float("inf"), 3e38), rng))
    start = len(content) - 4 * int(rng.integers(1, max(2, (len(content) - 4096) // 4)))
    return content[:start] + value + content[start + 4 :]


def odd_members(content: Content, rng: Generator) -> Content:
    """An .npz file with another array, or without one."""
    try:
        members = members_of(content)
        name = _pick(sorted(members), rng)
    except Exception:  # damaged before
        return flip_bits(content, rng)
    if name == "about" and rng.random() < 0.8:
        text = str(members[name]).encode()
        changed = _pick((odd_json, odd_json, odd_json, odd_text), rng)(text, rng)
        members[name] = np.array(changed.decode("latin-1"))
    else:
        members[name] = _odd_array(members[name], rng)
    if rng.random() < 0.1:
        del members[name]
    return npz_of(members)


def _odd_array(array: np.ndarray, rng: Generator) -> np.ndarray:
    choices: tuple[Callable[[], Any], ...] = (
        lambda: array[:0],
        lambda: array[..., None],
        lambda: array.reshape(-1)[:7],
        lambda: array.astype("f8") * np.nan,
        lambda: np.array(0),
        lambda: np.array([{"pickled": 1}, None], object),
        lambda: array.astype(bool),
        lambda: array.astype("i8") * 2**40,
        lambda: array.astype("i8") - 5,
        lambda: array.astype("c8"),
        lambda: np.array("text"),
        lambda: array.astype("M8[s]"),
    )
    with np.errstate(all="ignore"):
        try:
            return np.asarray(_pick(choices, rng)())
        except (TypeError, ValueError, IndexError):
            return np.array(0)


def _mutate_folder(folder: Path, rng: Generator) -> str:
    """Damage one file of a zarr store, move it or take it away."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    described = [path for path in files if path.suffix == ".json" or path.name[:2] == ".z"]
    if not files:
        return "empty"
    path = _pick(described if described and rng.random() < 0.7 else files, rng)
    action = int(rng.integers(20))
    if action < 2:
        path.unlink()
        return f"{path.name} deleted"
    if action == 2:
        path.rename(path.with_name(f"{path.name}x"))
        return f"{path.name} renamed"
    if action == 3:
        path.unlink()
        path.mkdir()
        return f"{path.name} made a folder"
    if action == 4 and path.parent != folder:
        shutil.rmtree(path.parent)
        return f"{path.parent.name} deleted"
    changes: Any = (odd_json,) * 4 + (odd_text,) if path in described else _BYTES
    change = _pick(changes, rng)
    path.write_bytes(change(path.read_bytes(), rng))
    return f"{path.name} by {change.__name__}"


_BYTES = (
    *(flip_bits, cut_short, drop_range, insert_bytes, repeat_range, set_number, set_number),
    *(fill_range, set_token, set_token),
)
_CHANGES: dict[str, tuple[Callable[[Content, Generator], Content], ...]] = {
    "tiff": _BYTES,
    "ome": _BYTES,
    "imagej": _BYTES,
    "zarr": _BYTES,
    "photo": _BYTES,
    "npy": _BYTES,
    "recipe": (*_BYTES, *(odd_json,) * 20, *(odd_text,) * 4),
    "labels": _BYTES,
    "weights": (*_BYTES, *(odd_tensors,) * 8, *(odd_values,) * 3),
    "network": (*_BYTES, *(odd_tensors,) * 8, *(odd_values,) * 3),
    "session": (*_BYTES, *(odd_members,) * 12),
}
