"""The subjects that a client can watch: documents, runs and cases."""

from enum import StrEnum
from typing import NamedTuple

from docprogress.events import ProgressEvent


class Kind(StrEnum):
    """The kinds of subject."""

    DOCUMENT = "document"
    RUN = "run"
    CASE = "case"


class Subject(NamedTuple):
    """One document, run or case."""

    kind: Kind
    id: str


def containers_of(event: ProgressEvent) -> list[Subject]:
    """The run and the case that an event's document belongs to, if it names them."""
    named = ((Kind.RUN, event.run_id), (Kind.CASE, event.case_id))
    return [Subject(kind, name) for kind, name in named if name is not None]


def subjects_of(event: ProgressEvent) -> list[Subject]:
    """An event's document, and the run and the case that it belongs to."""
    return [Subject(Kind.DOCUMENT, event.document_id), *containers_of(event)]
