"""Why a document failed, for its error message, and whether to try again."""

import errno

from docprogress.errors import TransientError

#: Errors of the operating system that do not pass by waiting.
PERMANENT_ERRORS = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)

#: The longest error that is kept, in characters.
MAX_ERROR_LENGTH = 2_000


def is_transient(error: BaseException) -> bool:
    """Whether trying again is worth it: a lost connection, a full disk, a time-out."""
    return isinstance(error, TransientError | OSError) and not isinstance(
        error, PERMANENT_ERRORS
    )


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a disk of this machine is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return error is not None and is_disk_full(error.__cause__)


def format_duration(seconds: float | None) -> str:
    """A number of seconds, as a person says it: `45 s`, `10 min`, `2 h`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if (seconds and seconds >= 2 * length) or seconds == length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds or 0:.3g} s"
