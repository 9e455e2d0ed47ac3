"""Why a document failed, for its error message, and whether to retry it."""

import errno

from docprogress.errors import DocProgressError, TransientError
from docprogress.settings import MIB, Settings, redacted

#: Errors of the operating system that are not transient.
PERMANENT_ERRORS = (
    FileNotFoundError,
    IsADirectoryError,
    NotADirectoryError,
    PermissionError,
)

#: The longest error message that is stored, in characters.
MAX_ERROR_LENGTH = 2_000


def is_transient(error: BaseException) -> bool:
    """Whether another attempt may succeed: a lost connection, a timeout."""
    return isinstance(error, TransientError | OSError) and not isinstance(
        error, PERMANENT_ERRORS
    )


def is_disk_full(error: BaseException | None) -> bool:
    """Whether a disk of this machine is full."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return True
    return error is not None and is_disk_full(error.__cause__)


def format_duration(seconds: float | None) -> str:
    """A duration with its unit: `45 s`, `10 min`, `2 h`."""
    for unit, length in (("h", 3600), ("min", 60)):
        if (seconds and seconds >= 2 * length) or seconds == length:
            return f"{seconds / length:.3g} {unit}"
    return f"{seconds or 0:.3g} s"


def error_reason(error: BaseException, settings: Settings) -> str:
    """The reason of a failure, for people."""
    if isinstance(error, MemoryError):
        limit = settings.worker_memory // MIB
        return f"it needs more memory than the limit of {limit} MB (worker_memory)"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    text = str(error).strip()
    if isinstance(error, DocProgressError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def error_message(document_name: str, reason: str) -> str:
    """The error of a document: its name, and a reason without secrets."""
    reason = redacted(reason).strip()
    if len(reason) > MAX_ERROR_LENGTH:
        reason = f"{reason[:MAX_ERROR_LENGTH]}…"
    prefix = f"{document_name}:"
    return reason if reason.startswith(prefix) else f"{prefix} {reason}"
