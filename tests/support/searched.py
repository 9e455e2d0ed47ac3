"""Completed documents whose chunks are given texts, to be searched."""

from support.rows import add_documents, add_run

from docprogress.client.search_scope import search_scope
from docprogress.documents import Chunk, Page
from docprogress.events import now
from docprogress.search.searching import Request, search
from docprogress.settings import load
from docprogress.steps.embed import embed
from docprogress.store import FinishedStep


def add_searched(
    store,
    *texts,
    settings=None,
    embedder=None,
    run=None,
    run_options=None,
    metadata=None,
    **changes,
):
    """A run with a completed document whose chunks are these texts.

    Args:
        store: Where.
        texts: Of the chunks; or (text, kind).
        settings: With the embedder.
        embedder: The name of another one that is said to have made the vectors.
        run: Add it to this one.
        run_options: Of a new run: `case_id`, …
        metadata: Of the document.
        changes: Of the document: `name`, …
    """
    settings = settings or load()
    if run is None:
        options = {"settings": {"embedder": embedder or settings.embedder}}
        run = add_run(store, **options | (run_options or {}))
    given = [text if isinstance(text, tuple) else (text, "text") for text in texts]
    chunks = [
        Chunk(
            number=n,
            text=text,
            start=0,
            end=len(text),
            first_page=n,
            last_page=n,
            kind=kind,
            headings=("Heading",),
        )
        for n, (text, kind) in enumerate(given, 1)
    ]
    number = store.documents.last_number(run.id) + 1
    [document_id] = add_documents(store, run, 1, number=number, **changes)
    store.submissions.mark_ready([(document_id, 1, document_id)])
    store.attempts.claim(document_id, 1, worker="w")
    embedding = embed(chunks, settings=settings)
    embedded = list(embedding)
    finished = FinishedStep(
        position=0,
        step="embedding",
        next_step="embedding",
        started_at=now(),
        seconds=0.0,
        items=len(chunks),
        unit="chunk",
        progress=100.0,
        pages=[Page(number=1, text="", markdown="")],
        chunks=embedded,
        facts={
            "embedder": embedder or embedding.facts["embedder"],
            **(metadata or {}),
        },
    )
    store.attempts.finish_steps(document_id, 1, [finished], completed="Done")
    return run


def searched(store, query, *, settings=None, mode="hybrid", limit=10, **options):
    """What a search finds."""
    how = {
        name: options.pop(name)
        for name in ("offset", "rerank", "spelling")
        if name in options
    }
    where = search_scope(store, **options)
    request = Request(query=query, where=where, mode=mode, limit=limit, **how)
    return search(store, request, settings=settings or load())


def texts(results):
    return [hit.text for hit in results]
