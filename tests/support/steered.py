"""Documents whose progress a test publishes itself, without a worker."""

from typing import Any

from docprogress import Bus, Pipeline, ProgressEvent, Run, Status
from docprogress.events import now


class SteeredRun:
    """A run of documents that only the test works on."""

    def __init__(self, settings: dict[str, str], names: list[str]) -> None:
        self._settings = settings
        self._pipeline = Pipeline(**settings)
        self.run: Run = self._pipeline.submit([(name, b"text") for name in names])
        self._rows = self.run.documents()

    def publish(
        self,
        number: int,
        status: Status = Status.PROCESSING,
        *,
        progress: float = 0,
        message: str = "",
        error: str | None = None,
        step: str = "extraction",
        attempt: int = 1,
    ) -> None:
        """Publish the progress of one document, as its worker would."""
        row = self._rows[number]
        self._pipeline.bus.publish(
            ProgressEvent(
                document_id=row.id,
                run_id=self.run.id,
                name=row.name,
                status=status,
                step=step,
                progress=100 if status is Status.COMPLETED else progress,
                message=message or status.value.capitalize(),
                error=error,
                attempt=attempt,
                timestamp=now(),
            )
        )

    def complete(self) -> None:
        """Publish that every document has completed."""
        for number in range(len(self._rows)):
            self.publish(number, Status.COMPLETED)

    @property
    def cell(self) -> str:
        """The code of a cell that attaches to this run as `run`."""
        return (
            "from docprogress import Pipeline, ProgressView\n"
            f"run = Pipeline(**{self._settings!r}).attach({self.run.id!r})\n"
        )

    def close(self) -> None:
        self._pipeline.close()


def publish_event(
    bus: Bus,
    document_id: str,
    status: Status = Status.PROCESSING,
    *,
    progress: float = 0,
    **fields: Any,
) -> None:
    """Publish the progress of a document without a run."""
    fields = {"step": "ocr", "message": status.value.capitalize()} | fields
    bus.publish(
        ProgressEvent(
            document_id=document_id,
            status=status,
            progress=100 if status is Status.COMPLETED else progress,
            timestamp=now(),
            **fields,
        )
    )


def watching(redis_url: str, *document_ids: str) -> str:
    """Return the code of a cell that shows documents without a run as `view`."""
    return (
        "from docprogress import ProgressView\n"
        f"view = ProgressView.watch(*{document_ids!r}, redis_url={redis_url!r})\n"
        "view"
    )
