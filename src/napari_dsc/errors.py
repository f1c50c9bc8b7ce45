"""What can go wrong, in types a caller can catch one by one or all at once."""


class DSCError(Exception):
    """Base of every error that napari-dsc raises on purpose."""


class InvalidParameterError(DSCError, ValueError):
    """A parameter lies outside its range or is not one of the choices."""


class InvalidImageError(DSCError, ValueError):
    """An image, label image or file of one cannot be used."""


class DeviceUnavailableError(DSCError, ValueError):
    """The requested torch device does not exist on this machine."""


class WeightsError(DSCError, OSError):
    """A weight file is missing, damaged or does not fit the network."""


class OutputError(DSCError, OSError):
    """A result cannot be written where it should go."""


class ComputationError(DSCError):
    """A computation failed half-way, for lack of memory for example."""


def one_line(error: BaseException) -> str:
    r"""Type and words of an error nobody expected, for a log with a line for each.

    Parameters
    ----------
    error : BaseException
        Any.

    Returns
    -------
    line : str
        Without line breaks.

    Examples
    --------
    >>> one_line(ValueError("two\n  lines"))
    'ValueError: two lines'
    """
    return f"{type(error).__name__}: {' '.join(str(error).split())}"
