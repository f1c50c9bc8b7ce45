"""Cases: images with their annotations, from BSDS500 or from two folders."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.evaluation import bsds500
from napari_dsc.files import read_labels
from napari_dsc.files.ome_zarr import is_zarr

if TYPE_CHECKING:
    from pathlib import Path

    import numpy as np

    from napari_dsc.evaluation.terms import Split


MATLAB = ".mat"  # suffix of annotations; such a file must not be read as an image


class Case(NamedTuple):
    """An image and its annotations.

    Attributes
    ----------
    name : str
        Name of the image, without its suffix.
    image : Path
        Image file.
    truth : Path
        Label image, or annotations of BSDS500.
    contours : tuple of Path
        Contour map that comes with the image; may be empty.
    """

    name: str
    image: Path
    truth: Path
    contours: tuple[Path, ...] = ()


class Problem(NamedTuple):
    """A file that cannot be scored, and the reason."""

    path: Path
    reason: str


class CaseSet(NamedTuple):
    """Cases to score, in the order of their names, and the files that are left out."""

    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]

    def every(self, step: int, limit: int) -> CaseSet:
        """Every n-th case, up to a limit.

        Parameters
        ----------
        step : int
            Distance of the cases taken; 1 takes all.
        limit : int
            Largest number of cases; 0 takes all.

        Returns
        -------
        cases : CaseSet
            The chosen cases, with the same problems.

        Raises
        ------
        InvalidParameterError
            If a number is out of range.
        """
        if step < 1:
            raise InvalidParameterError(f"every={step}: expected at least 1")
        if limit < 0:
            raise InvalidParameterError(f"limit={limit}: expected at least 0 (0: all)")
        return self._replace(cases=self.cases[::step][: limit or None])


def bsds500_cases(root: Path, split: Split) -> CaseSet:
    """Cases of one split of BSDS500.

    Parameters
    ----------
    root : Path
        Folder with ``data/images``, ``data/groundTruth`` and optionally ``ucm2``.
    split : str
        ``train``, ``val`` or ``test``.

    Returns
    -------
    cases : CaseSet
        Images without annotations, and annotations without an image, are problems.

    Raises
    ------
    InvalidImageError
        If there are no images.
    """
    cases = [
        Case(name, image, truth, (bsds500.contours_path(root, split, name),))
        for name, image, truth in bsds500.list_samples(root, split)
    ]
    problems = [
        Problem(case.truth, "no such file, expected the annotations of an image")
        for case in cases
        if not case.truth.is_file()
    ]
    known = {case.name for case in cases}
    problems += [
        Problem(path, "no image of the same name")
        for path in bsds500.visible_files(root / "data" / "groundTruth" / split, MATLAB)
        if path.stem not in known
    ]
    return CaseSet(tuple(case for case in cases if case.truth.is_file()), tuple(problems))


def folder_cases(images: Path, labels: Path) -> CaseSet:
    """Cases of a folder of images and a folder of label images of the same names.

    Parameters
    ----------
    images, labels : Path
        Two folders. Suffixes may differ; hidden files are ignored.

    Returns
    -------
    cases : CaseSet
        Files without a counterpart, and further files of the same name, are problems.

    Raises
    ------
    InvalidImageError
        If one is not a folder, both are the same, or no name is in both.
    """
    if images.resolve() == labels.resolve():
        raise InvalidImageError(
            f"{labels}: images and labels are the same folder; name the folder of label images"
        )
    problems: list[Problem] = []
    found = _by_stem(images, problems, no_image=MATLAB)
    truths = _by_stem(labels, problems)
    for one, other, what in ((found, truths, "label image"), (truths, found, "image")):
        problems += [
            Problem(path, f"no {what} of the same name")
            for stem, path in one.items()
            if stem not in other
        ]
    cases = [Case(stem, path, truths[stem]) for stem, path in found.items() if stem in truths]
    if not cases:
        raise InvalidImageError(
            f"{images} and {labels}: no two of their {len(found)} and {len(truths)} files have "
            "the same name; give an image and its labels one name"
        )
    return CaseSet(tuple(cases), tuple(problems))


def read_truth(path: Path, ndim: int | None = None) -> list[np.ndarray]:
    """Annotations of an image.

    Parameters
    ----------
    path : Path
        Label image, or MATLAB file of BSDS500.
    ndim : int, optional
        Number of axes of the label image, as in `read_labels`; default: 2 or 3.

    Returns
    -------
    annotations : list of S int array
        The label image, or the annotations of several people.

    Raises
    ------
    InvalidImageError
        If the file cannot be read.
    """
    if path.suffix.lower() == MATLAB:
        return bsds500.read_annotations(path)
    return [read_labels(path, ndim)]


def _by_stem(folder: Path, problems: list[Problem], no_image: str = "") -> dict[str, Path]:
    """Files of a folder by their name without suffix; others are added to the problems."""
    if not folder.is_dir():
        raise InvalidImageError(f"{folder}: not a folder; name a folder of files")
    by_stem: dict[str, Path] = {}
    files = sorted(path for path in folder.iterdir() if path.is_file() or is_zarr(path))
    for path in files:
        if path.name.startswith("."):
            continue
        if no_image and path.suffix.lower() == no_image:
            problems.append(Problem(path, "not an image"))
        elif path.stem in by_stem:
            problems.append(Problem(path, f"same name as {by_stem[path.stem].name}"))
        else:
            by_stem[path.stem] = path
    return by_stem
