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


def printable(text: str) -> str:
    r"""Text on one line, without characters that control a terminal.

    Parameters
    ----------
    text : str
        Text that may quote a file or its name.

    Returns
    -------
    line : str
        Control characters and halves of characters are escaped, as in Python.

    Examples
    --------
    >>> printable("two\n  lines, \x1b[31mred")
    'two lines, \\x1b[31mred'
    """
    line = " ".join(text.split())
    return "".join(one if one.isprintable() else ascii(one)[1:-1] for one in line)


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
    words = printable(str(error))
    return words if isinstance(error, DSCError) else f"{type(error).__name__}: {words}"
