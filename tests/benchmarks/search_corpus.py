"""The truth of search in a store: chunked, embedded and indexed as by a worker."""

import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from search_truth import Truth

from docprogress.documents import Chunk, Page
from docprogress.events import Status, now
from docprogress.settings import Settings, load
from docprogress.steps.chunk import chunk
from docprogress.steps.embed import embed
from docprogress.store import FinishedStep, NewDocument, Store

STEPS = [{"name": "extraction"}, {"name": "chunking"}, {"name": "embedding"}]
ATTEMPT = 1


class Corpus:
    """Documents of the truth in a store, and where their passages are."""

    def __init__(self, store: Store, made: Truth, *, embedder: str) -> None:
        self.store = store
        self.settings = load(embedder=embedder)
        self._names: dict[str, str] = {}
        run = store.runs.add(
            run_id=uuid.uuid4().hex,
            case_id=None,
            expected=len(made.documents),
            steps=STEPS,
            settings={"embedder": embedder},
            fingerprint=embedder,
        )
        for number, (name, texts) in enumerate(made.documents.items(), 1):
            document_id = uuid.uuid4().hex
            self._names[document_id] = name
            store.submissions.add(
                [
                    NewDocument(
                        id=document_id,
                        run_id=run.id,
                        number=number,
                        name=name,
                        case_id=None,
                        step="extraction",
                    )
                ]
            )
            store.submissions.mark_ready([(document_id, 1, document_id)])
            _process(store, document_id, texts, self.settings)

    def places(self, found: list[tuple[str, int]]) -> list[tuple[str, int]]:
        """Where chunks are in the truth: a chunk is a passage."""
        return [(self._names[document_id], number) for document_id, number in found]


@contextmanager
def corpus(made: Truth, *, embedder: str) -> Iterator[Corpus]:
    with TemporaryDirectory() as folder:
        with Store(f"sqlite:///{Path(folder, 'store.db')}") as store:
            yield Corpus(store, made, embedder=embedder)


def _process(
    store: Store, document_id: str, texts: list[str], settings: Settings
) -> None:
    markdown = "\n\n".join(f"## ({n})\n\n{text}" for n, text in enumerate(texts, 1))
    page = Page(number=1, text=markdown, markdown=markdown)
    chunks = list(chunk([page], settings=settings))
    if len(chunks) != len(texts):
        raise AssertionError(f"{len(texts)} passages became {len(chunks)} chunks")
    embedding = embed(chunks, settings=settings)
    vectors = list(embedding)
    store.attempts.claim(document_id, ATTEMPT, worker="benchmark")
    finish = _finisher(store, document_id)
    finish(0, "page", pages=[page])
    finish(1, "chunk", chunks=chunks)
    finish(2, "chunk", chunks=vectors, facts=embedding.facts)
    store.attempts.finish(document_id, ATTEMPT, Status.COMPLETED, message="Completed")


def _finisher(store: Store, document_id: str) -> Callable[..., None]:
    def finish(position: int, unit: str, **results: list[Chunk] | list[Page]) -> None:
        finished = FinishedStep(
            position=position,
            step=STEPS[position]["name"],
            next_step=STEPS[min(position + 1, 2)]["name"],
            started_at=now(),
            seconds=0.0,
            items=1,
            unit=unit,
            progress=(60.0, 70.0, 99.0)[position],
            **results,
        )
        store.attempts.finish_steps(document_id, ATTEMPT, [finished])

    return finish
