"""Error types: one for each kind of failure, all derived from `DSCError`."""


class DSCError(Exception):
    """Base class of all errors of napari-dsc."""


class InvalidParameterError(DSCError, ValueError):
    """A parameter lies outside its range or is not one of the choices."""


class InvalidImageError(DSCError, ValueError):
    """An image, a label image, or a file of one, cannot be used."""


class DeviceUnavailableError(DSCError, ValueError):
    """The requested torch device does not exist on this machine."""


class WeightsError(DSCError, OSError):
    """A weight file is missing, damaged or does not fit the network."""


class OutputError(DSCError, OSError):
    """A result cannot be written to its destination."""


class ComputationError(DSCError):
    """A computation failed, for example because memory ran out."""


def one_line(error: BaseException) -> str:
    r"""One-line summary of an exception, for a log.

    Parameters
    ----------
    error : BaseException
        Any exception.

    Returns
    -------
    line : str
        Message of the exception without line breaks, after its type if it was not expected.

    Examples
    --------
    >>> one_line(ValueError("two\n  lines"))
    'ValueError: two lines'
    """
    words = " ".join(str(error).split())
    return words if isinstance(error, DSCError) else f"{type(error).__name__}: {words}"
