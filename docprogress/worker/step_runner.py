"""Run one step of a document and count what it makes."""

from collections.abc import Iterable, Iterator
from typing import Any

from docprogress.documents import Chunk
from docprogress.reporting.step_progress import StepProgress
from docprogress.steps import Kind

#: What a step's message begins with; a user's own step has its name there.
VERBS = {
    "extraction": "Extracting",
    "chunking": "Chunking",
    "embedding": "Embedding",
}


class CountedInput(list[Any]):
    """A step's input that counts what the step takes of it."""

    def __init__(self, items: Iterable[Any], progress: StepProgress) -> None:
        super().__init__(items)
        self.progress: StepProgress | None = progress

    def __iter__(self) -> Iterator[Any]:
        progress = self.progress
        for item in super().__iter__():
            yield item
            if progress is not None and progress is self.progress:
                progress.total = len(self)
                progress.advance()


UNITS = {Kind.DOCUMENT: "document", Kind.PAGES: "page", Kind.CHUNKS: "chunk"}


def _vector_length(chunk: Chunk) -> int:
    return 0 if chunk.vector is None else len(chunk.vector)
