"""Memory that a run needs."""

from collections.abc import Mapping

from napari_dsc.machine import memory
from napari_dsc.segmenting.settings import Settings


def needed_bytes(settings: Settings, sizes: Mapping[str, int], stage: str = "segment") -> float:
    """Memory that a run on an image in one piece takes, beyond the image, roughly.

    Parameters
    ----------
    settings : Settings
        Settings of the run.
    sizes : mapping of str to int
        Length of each axis.
    stage : str
        Last stage of the run: ``smooth``, ``superpixels`` or ``segment``.

    Returns
    -------
    n_bytes : float
        See `napari_dsc.machine.memory`.
    """
    plane = sizes["Y"] * sizes["X"]
    stack = plane * sizes.get("Z", 1)
    most, params = [memory.bytes_to_smooth(plane)], settings.cut_params
    if stage != "smooth":
        most.append(memory.bytes_to_divide(stack, settings.superpixel_params.superpixels))
    if stage == "segment":
        seen = min(stack * params.resolution**2, params.megapixels * 1e6)
        most.append(memory.bytes_to_cut(seen, params.n_partitions))
    others = stack * sizes.get("T", 1) - plane
    return max(most) + memory.bytes_to_keep(others, sizes.get("C", 1))
