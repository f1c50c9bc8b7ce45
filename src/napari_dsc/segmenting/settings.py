"""Settings of a run: everything that decides the labels of an image."""

import dataclasses
import operator
from collections.abc import Callable, Mapping
from typing import Any, Literal, Self, get_args

from napari_dsc.errors import InvalidParameterError
from napari_dsc.params import ClassParams, CutParams, ImageParams, SuperpixelParams, TreeParams
from napari_dsc.params.checks import Params, check_kinds
from napari_dsc.params.presets import default_weights, preset_values
from napari_dsc.records.recipes import KEYWORDS, STAGES, values_in

SegmentMethod = Literal["dsc", "tree", "classes"]
"""Names of the segmenters; `napari_dsc.segmenting.segmenter.SEGMENTERS` holds one for each."""

STAGES_OF: dict[str, tuple[str, ...]] = {
    "dsc": ("image", "superpixels", "cut"),
    "tree": ("image", "tree"),
    "classes": ("image", "tree", "classes"),
}
"""Stages whose parameters decide the labels, by the name of the segmenter."""


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise TypeError(f"expected str, got {type(value).__name__}")
    return value


# how fields that are no group of parameters are made what they should be
_KINDS: dict[str, Callable[[Any], object]] = {
    "weights": str,
    **dict.fromkeys(("device", "axes"), _text),
    **dict.fromkeys(("tile", "level"), operator.index),
    "spacing": lambda sizes: tuple(map(float, sizes)),
    "channels": lambda numbers: tuple(map(operator.index, numbers)),
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings:
    """Everything that decides the labels of an image, besides the image.

    Parameters
    ----------
    method : str
        ``dsc`` merges superpixels into classes by Deep Superpixel Cut; ``tree`` gives the
        regions of a merge tree, without smoothing or training; ``classes`` groups them into
        any number of classes by a class tree.
    image_params : ImageParams
        How intensities are normalized.
    superpixel_params : SuperpixelParams
        How superpixels are made.
    cut_params : CutParams
        How superpixels are merged. Its ``series`` says whether the frames of a time series
        and the planes of a stack are cut together or apart.
    tree_params : TreeParams
        How the merge tree is made, and where it is cut.
    class_params : ClassParams
        Which classes are taken of the class tree.
    weights : str or Path
        Name of registered weights, or a safetensors file; empty: those of the method, see
        `napari_dsc.params.default_weights`. The field then has their name.
    weights_sha256 : str
        Hash that the weights must have, 64 hexadecimal digits; empty accepts any. Settings
        that differ only here are equal.
    device : str
        ``auto``, ``cpu``, ``cuda``, ``cuda:N`` or ``mps``.
    axes : str
        Axes of the array as letters of ``"TZCYX"`` in any order, as ``"YXC"`` or ``"ZYX"``;
        empty: as in the file or layer, else inferred from the shape.
    spacing : sequence of float
        Pixel size in micrometers along the axes of space, in their order; empty: as in the
        file or layer.
    channels : sequence of int
        Channels to take, numbered from 0; empty: all.
    tile : int
        Side in pixels of the tiles in which a large image is segmented; 0: 1024 where the
        command line takes tiles, which is up to the image and never to the free memory.
    level : int
        Level of a pyramid that is segmented; 0 is the finest.

    Raises
    ------
    InvalidParameterError
        If a value has the wrong type or is not one of the choices.

    Examples
    --------
    >>> settings = Settings.preset("paper").replace(axes="ZYX", spacing=(4, 1, 1))
    >>> settings.cut_params.n_iterations
    128
    >>> Settings.from_record(settings.to_record()) == settings
    True
    """

    method: str = "dsc"
    image_params: ImageParams = ImageParams()
    superpixel_params: SuperpixelParams = SuperpixelParams()
    cut_params: CutParams = CutParams()
    tree_params: TreeParams = TreeParams()
    class_params: ClassParams = ClassParams()
    weights: str = ""
    weights_sha256: str = dataclasses.field(default="", compare=False, repr=False)
    device: str = "auto"
    axes: str = ""
    spacing: tuple[float, ...] = ()
    channels: tuple[int, ...] = ()
    tile: int = 0
    level: int = 0

    def __post_init__(self) -> None:
        check_kinds(*((self.params(stage), kind) for stage, kind in STAGES.items()))
        if self.method not in get_args(SegmentMethod):
            choices = ", ".join(get_args(SegmentMethod))
            raise InvalidParameterError(
                f"method={self.method!r:.60}: expected one of {choices}"
            )
        if not self.weights:
            object.__setattr__(self, "weights", default_weights(self.method))
        for name, kind in _KINDS.items():
            value = getattr(self, name)
            try:
                object.__setattr__(self, name, kind(value))
            except (TypeError, ValueError) as error:
                raise InvalidParameterError(f"{name}={value!r:.60}: {error!s:.99}") from error

    @classmethod
    def preset(cls, name: str) -> Self:
        """Settings of a preset; all other settings have their defaults.

        Parameters
        ----------
        name : str
            ``fast``, the defaults, or ``paper``, the method as published.

        Returns
        -------
        settings : Settings
            Vary them by `replace`.

        Raises
        ------
        InvalidParameterError
            If there is no such preset.
        """
        values: Mapping[str, Any] = preset_values(name)
        return cls(
            superpixel_params=SuperpixelParams(**values["superpixels"]),
            cut_params=CutParams(**values["cut"]),
        )

    def replace(self, **changes: Any) -> Self:
        """Copy with other values.

        Parameters
        ----------
        **changes
            Fields of this class. Another method takes its own default weights, if these
            settings have those of theirs.

        Returns
        -------
        settings : Settings
            These settings stay as they are.

        Raises
        ------
        InvalidParameterError
            If a value has the wrong type or is not one of the choices.
        """
        if "method" in changes and self.weights == default_weights(self.method):
            changes = {"weights": "", **changes}
        return dataclasses.replace(self, **changes)

    def params(self, stage: str) -> Params:
        """Parameters of a stage.

        Parameters
        ----------
        stage : str
            ``image``, ``superpixels``, ``cut``, ``tree`` or ``classes``.

        Returns
        -------
        params : Params
            One of the groups.
        """
        params: Params = getattr(self, KEYWORDS[stage])
        return params

    def to_record(self) -> dict[str, Any]:
        """Settings for a record or recipe, ready for JSON.

        Returns
        -------
        record : dict
            ``parameters`` of the stages that the method has, and what else `from_record`
            reads; ``unused_parameters`` are those of other stages, where they are not the
            defaults.
        """
        groups = {stage: self.params(stage) for stage in STAGES}
        used = STAGES_OF[self.method]
        unused = {
            stage: dataclasses.asdict(one)
            for stage, one in groups.items()
            if stage not in used and one != STAGES[stage]()
        }
        record: dict[str, Any] = {
            "method": self.method,
            "weights": {"name": self.weights},
            "parameters": {stage: dataclasses.asdict(groups[stage]) for stage in used},
            "reading": {
                "axes": self.axes,
                "spacing": list(self.spacing),
                "channels": list(self.channels),
                "level": self.level,
            },
            "tile": self.tile,
            "device": {"asked": self.device},
        }
        if self.weights_sha256:
            record["weights"]["sha256"] = self.weights_sha256
        return record | ({"unused_parameters": unused} if unused else {})

    @classmethod
    def from_record(cls, record: Mapping[str, Any], place: str = "record") -> Self:
        """Settings of a record, of any kind of result, or of a recipe.

        Parameters
        ----------
        record : mapping
            Of a result; parts that are no settings are passed over.
        place : str
            Where it was found, for the error.

        Returns
        -------
        settings : Settings
            What the record does not name has its default.

        Raises
        ------
        InvalidParameterError
            If a stage or a name is unknown, or a value cannot be used.
        """
        values = values_in(record, place)
        for stage, kind in STAGES.items():
            name = KEYWORDS[stage]
            if name in values:
                values[name] = kind(**values[name])
        try:
            return cls(**values)
        except InvalidParameterError as error:
            raise InvalidParameterError(f"{place}: {error}") from error


def changed(settings: object, changes: Mapping[str, Any]) -> Settings:
    """Settings of a call, some of them replaced by its keyword arguments.

    Parameters
    ----------
    settings : Settings
        As the caller gave it.
    changes : dict
        Fields of `Settings`.

    Returns
    -------
    changed : Settings
        A copy.

    Raises
    ------
    InvalidParameterError
        If `settings` are parameters of one stage, or a value is wrong.
    """
    if isinstance(settings, Settings):
        return settings.replace(**changes)
    kind = type(settings)
    name = next((KEYWORDS[stage] for stage, one in STAGES.items() if one is kind), "fields")
    message = f"expected Settings, got {kind.__name__}; pass {name}=... by name"
    raise InvalidParameterError(f"settings: {message}")
