"""Cases to score, images with annotations, and the scores of a method on one."""

import dataclasses
import time
from pathlib import Path
from typing import NamedTuple, Self

import numpy as np

from napari_dsc.errors import InvalidImageError, InvalidParameterError
from napari_dsc.evaluation import bsds500, measures
from napari_dsc.evaluation.terms import Split, Zero
from napari_dsc.files import read_labels
from napari_dsc.files.ome_zarr import is_zarr
from napari_dsc.images import Image, load_image
from napari_dsc.methods import METHODS
from napari_dsc.scoring.entries import Entry

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


Problem = tuple[Path, str]  # a file that cannot be scored, and the reason


class CaseSet(NamedTuple):
    """Cases to score, in the order of their names, and the files that are left out."""

    cases: tuple[Case, ...]
    problems: tuple[Problem, ...]

    def every(self, step: int, limit: int) -> Self:
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
    samples = bsds500.list_samples(root, split)
    cases = [Case(*one, (bsds500.contours_path(root, split, one.name),)) for one in samples]
    reason = "no such file, expected the annotations of an image"
    problems = [(case.truth, reason) for case in cases if not case.truth.is_file()]
    known = {case.name for case in cases}
    annotated = bsds500.visible_files(root / "data" / "groundTruth" / split, MATLAB)
    unknown = [path for path in annotated if path.stem not in known]
    problems += [(path, "no image of the same name") for path in unknown]
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
        alone = [path for stem, path in one.items() if stem not in other]
        problems += [(path, f"no {what} of the same name") for path in alone]
    cases = [Case(stem, path, truths[stem]) for stem, path in found.items() if stem in truths]
    if not cases:
        raise InvalidImageError(
            f"{images} and {labels}: no two of their {len(found)} and {len(truths)} files have "
            "the same name; give an image and its labels one name"
        )
    return CaseSet(tuple(cases), tuple(problems))


def read_truth(
    path: Path, ndim: int | None = None, shape: tuple[int, ...] = (), words: str = ""
) -> list[np.ndarray]:
    """Annotations of an image or of its labels.

    Parameters
    ----------
    path : Path
        Label image, or MATLAB file of BSDS500.
    ndim : int, optional
        Number of axes of the label image, as in `read_labels`; default: 2 or 3.
    shape : tuple of int, optional
        Shape ``S`` that they must have.
    words : str, optional
        End of the sentence that says what has this shape.

    Returns
    -------
    annotations : list of S int array
        The label image, or the annotations of several people.

    Raises
    ------
    InvalidImageError
        If the file cannot be read, or the shape is another.
    """
    is_matlab = path.suffix.lower() == MATLAB
    truth = bsds500.read_annotations(path) if is_matlab else [read_labels(path, ndim)]
    if shape and truth[0].shape != shape:
        raise InvalidImageError(f"{path}: shape {truth[0].shape}, expected {shape}{words}")
    return truth


def _by_stem(folder: Path, problems: list[Problem], no_image: str = "") -> dict[str, Path]:
    """Files of a folder by their name without suffix; others are added to the problems."""
    if not folder.is_dir():
        raise InvalidImageError(f"{folder}: not a folder; name a folder of files")
    by_stem: dict[str, Path] = {}
    visible = (path for path in folder.iterdir() if not path.name.startswith("."))
    for path in sorted(path for path in visible if path.is_file() or is_zarr(path)):
        if no_image and path.suffix.lower() == no_image:
            problems.append((path, "not an image"))
        elif path.stem in by_stem:
            problems.append((path, f"same name as {by_stem[path.stem].name}"))
        else:
            by_stem[path.stem] = path
    return by_stem


ScaleScores = dict[str, float]


def score_case(case: Case, entry: Entry) -> list[ScaleScores]:
    """Score a method on an image.

    Parameters
    ----------
    case : Case
        Image and annotations.
    entry : Entry
        Method and scales.

    Returns
    -------
    scores : list of dict of str to float
        For each scale ``scale``, ``n_segments``, the scores of `measure_segmentation`, and
        ``seconds``, the time of the method. The first scale includes the time of results that
        all scales share.

    Raises
    ------
    DSCError
        If a file cannot be used, or the method fails.
    """
    image = load_image(case.image, entry.axes, entry.options.image_params)
    check_depth(entry.method, image)
    n_axes, words = len(image.label_axes), ", the shape of its image"
    truth = read_truth(case.truth, n_axes, image.label_shape, words)
    arranged = map(image.arrange_labels, truth)
    annotations = [measures.prepare_annotation(labels, entry.zero) for labels in arranged]
    method, options = METHODS[entry.method], entry.options
    if method.needs_contours and not case.contours:
        raise InvalidImageError(
            f"{case.image}: no contour map, which {entry.method} needs; expected a file of "
            "ucm2 as in BSDS500"
        )
    if method.needs_contours:
        options = dataclasses.replace(options, contours=bsds500.read_contours(case.contours[0]))
    sweep = method.iter_scales(image, entry.scales, options)
    scores = []
    start = time.perf_counter()
    for scale, labels in zip(entry.scales, sweep, strict=True):
        seconds = time.perf_counter() - start
        scores.append(
            {"scale": scale, "n_segments": float(len(np.unique(labels)))}
            | measures.measure_segmentation(labels, annotations, entry.zero)
            | {"seconds": round(seconds, 3)}
        )
        start = time.perf_counter()
    return scores


def score_names(zero: Zero) -> set[str]:
    """Names of the numbers in the scores of a scale, by the meaning of the label 0."""
    left_out = () if zero == "background" else measures.OF_OBJECTS
    return {"scale", "n_segments", "area", "seconds", *measures.MEASURES} - {*left_out}


def check_depth(method: str, image: Image) -> None:
    """Check that a method takes an image of this dimension.

    Parameters
    ----------
    method : str
        Name in `METHODS`.
    image : Image
        Plane or stack.

    Raises
    ------
    InvalidImageError
        If the image is a stack and the method takes planes only.
    """
    if "Z" in image.axes and not METHODS[method].takes_stacks:
        others = ", ".join(name for name, one in METHODS.items() if one.takes_stacks)
        raise InvalidImageError(
            f"image: axes {image.axes}: {method} takes planes only, expected YX or YXC; stacks "
            f"are taken by {others}"
        )
