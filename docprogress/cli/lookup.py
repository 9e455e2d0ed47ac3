"""Finds what an argument `RUN|DOCUMENT` names."""

from typing import TYPE_CHECKING

from docprogress.errors import DocumentNotFound, RunNotFound

if TYPE_CHECKING:
    from docprogress.client.pipeline import Pipeline
    from docprogress.client.run import Run
    from docprogress.store import DocumentRow


def find(pipeline: "Pipeline", name: str) -> "tuple[Run, DocumentRow | None]":
    """A run, or the run of a document and that document.

    Raises:
        RunNotFound: There is neither.
    """
    try:
        return pipeline.attach(name), None
    except RunNotFound as error:
        try:
            row = pipeline.document(name)
        except DocumentNotFound:
            raise error from None
        return pipeline.attach(row.run_id), row
