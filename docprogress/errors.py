"""The exceptions, in one tree.

::

    DocProgressError
    ├── SettingsError           a setting cannot be used
    ├── SubmitError             nothing was started: a document does not exist
    ├── SyncRefused             a folder has lost more files than may be removed at once
    ├── SyncBusy                another process synchronizes the folder
    ├── RunNotFound             no run has this id
    ├── RunUnfinished           a run in progress cannot be deleted
    ├── RunTooNew               a run was submitted by a later version than this one
    ├── DocumentNotFound        no document has this id
    ├── ResultsUnavailable      a document failed or is unfinished, and has no results
    ├── SearchError             a search cannot be made as requested
    ├── ExportError             results cannot be written where or as requested
    ├── ServicesError           the local services could not be started
    ├── BusError                Redis cannot be reached, or refuses
    │   └── BusRefused          it wants another password, certificate or permission
    ├── StoreError              the database cannot be reached, or refuses
    │   ├── StoreUnavailable    it is unreachable, busy or full: also a TransientError
    │   └── StoreTooNew         a later version has changed its tables
    ├── EventError              bytes that are not a progress event
    ├── StepError               a step cannot be found, or is not a step
    ├── SinkError               a sink does not take what is stored in it
    ├── DocumentError           this document cannot be processed; a retry is pointless
    │   ├── Unreadable          not what its name says, damaged, encrypted, empty
    │   │   └── PasswordNeeded  encrypted, and no password that was given opens it
    │   └── LimitExceeded       larger, longer or slower than the settings allow
    ├── TransientError          a temporary failure; the document is retried
    │   ├── StorageUnavailable  the storage of documents is unreachable
    │   ├── ServiceUnavailable  a service of a step is unreachable or limits its use
    │   └── ServerBusy          the HTTP server has too many calls waiting
    ├── Superseded              another attempt processes this document
    ├── Cancelled               this document is to be cancelled
    ├── HandedBack              this worker stops; another one continues
    └── RequestError            the HTTP server refuses a request
        ├── UnauthorizedError   the request has no valid token or ticket
        ├── ForbiddenError      the ticket does not cover what is requested
        ├── TooManyRequests     over the rate limit, or too many streams
        ├── InvalidForm         the request's parameters or body are malformed
        └── UploadTooSlow       the upload stalled, or is too slow

A custom step raises `DocumentError` to fail its document at once,
`TransientError` to have it retried, and `ServiceUnavailable` to wait for a service
without using up an attempt.
"""


class DocProgressError(Exception):
    """Raised by this package, always as one of the classes below."""


class SettingsError(DocProgressError, ValueError):
    """Raised when a setting cannot be used."""


class SubmitError(DocProgressError, ValueError):
    """Raised when a submitted document does not exist; nothing was started."""


class SyncRefused(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised when a folder has lost more files than may be removed at once.

    Nothing was changed.

    Args:
        message: How many of how many, and what to do.
        removed: How many files are gone.
        known: How many there were.
    """

    def __init__(self, message: str, *, removed: int, known: int) -> None:
        super().__init__(message)
        self.removed = removed
        self.known = known


class SyncBusy(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised when another process synchronizes the folder."""


class RunNotFound(DocProgressError, LookupError):  # noqa: N818 - reads as a fact
    """Raised when no run has this id."""

    def __init__(self, run_id: str) -> None:
        super().__init__(
            f"no run {run_id!r} in this store; `pipeline.runs()` lists them"
        )
        self.run_id = run_id


class RunUnfinished(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised when a run cannot be deleted because it is in progress."""

    def __init__(self, run_id: str, reason: str) -> None:
        super().__init__(f"run {run_id} is not deleted: {reason}")
        self.run_id = run_id


class RunTooNew(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised when a run was submitted by a later version than this one."""

    def __init__(self, run_id: str, version: str) -> None:
        super().__init__(
            f"run {run_id} was submitted by docprogress {version}: upgrade this one"
        )
        self.run_id = run_id
        self.version = version


class DocumentNotFound(DocProgressError, LookupError):  # noqa: N818 - reads as a fact
    """Raised when no document has this id, or none or several have this name."""

    #: The run that was searched; None for all.
    run_id: str | None = None

    def __init__(
        self, document_id: str, message: str | None = None, *, run_id: str | None = None
    ) -> None:
        super().__init__(message or f"no document {document_id!r} in this store")
        self.document_id = document_id
        if run_id is not None:
            self.run_id = run_id


class ResultsUnavailable(DocProgressError, LookupError):  # noqa: N818 - reads as a fact
    """Raised when a document has no results: it failed, or is not finished."""

    def __init__(self, document_id: str, message: str) -> None:
        super().__init__(message)
        self.document_id = document_id


class SearchError(DocProgressError, ValueError):
    """Raised when a search cannot be made as requested."""


class ExportError(DocProgressError, ValueError):
    """Raised when results cannot be written where or as requested."""


class ServicesError(DocProgressError):
    """Raised when the local services could not be started."""


class BusError(DocProgressError):
    """Raised when Redis cannot be reached, or refuses."""


class BusRefused(BusError):  # noqa: N818 - reads as a fact
    """Raised when Redis wants another password, certificate or permission.

    Waiting and retrying do not help.
    """


class StoreError(DocProgressError):
    """Raised when the database cannot be reached, or refuses."""


class StoreTooNew(StoreError):  # noqa: N818 - reads as a fact
    """Raised when a later version of docprogress has changed the tables."""


class EventError(DocProgressError, ValueError):
    """Raised when bytes are not a progress event."""


class StepError(DocProgressError, ValueError):
    """Raised when a step cannot be found, or is not a step."""


class SinkError(DocProgressError, ValueError):
    """Raised when a sink does not take what is stored in it; waiting does not help."""


class DocumentError(DocProgressError):
    """Raised when a document cannot be processed; a retry is pointless."""


class Unreadable(DocumentError):  # noqa: N818 - reads as a fact
    """Raised when a document is not what its name says, damaged, encrypted or empty."""


class PasswordNeeded(Unreadable):
    """Raised when a document is encrypted, and no password that was given opens it.

    Args:
        what: What is encrypted: "a.pdf: the PDF".
    """

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} is encrypted and needs a password; give it to "
            "run.retry(passwords=[…])"
        )


class LimitExceeded(DocumentError):  # noqa: N818 - reads as a fact
    """Raised when a document is larger, longer or slower than the settings allow."""


class TransientError(DocProgressError):
    """Raised for a temporary failure; the document is retried."""


class StorageUnavailable(TransientError):  # noqa: N818 - reads as a fact
    """Raised when the storage of documents is unreachable, which may pass."""


class ServiceUnavailable(TransientError):  # noqa: N818 - reads as a fact
    """Raised when a service of a step is unreachable or limits its use.

    The document goes back to the queue and waits; no attempt is spent.

    Args:
        message: What went wrong.
        service: The service, in words: "the embedding endpoint".
        reason: The reason, in a few words: "rate limit".
        seconds: How long the service asks to wait; None if it does not say.
    """

    def __init__(
        self,
        message: str,
        *,
        service: str,
        reason: str,
        seconds: float | None = None,
    ) -> None:
        super().__init__(message)
        self.service = service
        self.reason = reason
        self.seconds = seconds


class StoreUnavailable(StoreError, TransientError):  # noqa: N818 - reads as a fact
    """Raised when the database is unreachable, busy or full for now."""


class Superseded(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised when another attempt processes this document."""

    def __init__(self, document_id: str, attempt: int) -> None:
        super().__init__(f"attempt {attempt} of document {document_id} is over")
        self.document_id = document_id
        self.attempt = attempt


class Cancelled(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised when this document is to be cancelled."""

    def __init__(self, document_id: str) -> None:
        super().__init__(f"document {document_id} was cancelled")
        self.document_id = document_id


class HandedBack(DocProgressError):  # noqa: N818 - reads as a fact
    """Raised in a step when its worker stops and another one continues."""


class ServerBusy(TransientError):  # noqa: N818 - reads as a fact
    """Raised when the HTTP server has too many calls waiting, or one timed out."""


class RequestError(DocProgressError):
    """Raised, in one of its kinds, when the HTTP server refuses a request."""


class UnauthorizedError(RequestError):
    """Raised when a request has no valid token or ticket."""


class ForbiddenError(RequestError):
    """Raised when a ticket does not cover what is requested."""


class TooManyRequests(RequestError):  # noqa: N818 - HTTP's name for it
    """Raised when a client exceeds its rate limit, or its number of streams."""

    def __init__(self, message: str, retry_after: float) -> None:
        super().__init__(message)
        #: Seconds until the client may try again.
        self.retry_after = retry_after


class InvalidForm(RequestError, ValueError):  # noqa: N818 - reads as a fact
    """Raised when a request's parameters or its body are malformed."""


class UploadTooSlow(RequestError):  # noqa: N818 - reads as a fact
    """Raised when an upload stalls, or is slower than the server allows."""
