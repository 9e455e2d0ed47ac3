"""Of a changed document, only chunks that its earlier version has not are embedded."""

import io
import random
import sys
import textwrap

import numpy as np
import pytest
from reportlab.pdfgen.canvas import Canvas
from support.embedding_endpoint import KEY, endpoint, good, meaning
from support.office_of_one import OfficeOfOne

from docprogress.events import Status
from docprogress.steps import embed, plan

#: Chunks of a page, and the most that an edit in it has embedded.
PAGE_CHUNKS = 3
MOST = PAGE_CHUNKS + 3


@pytest.fixture
def service():
    """An endpoint, and the office whose embedder it is."""
    with endpoint(good) as (_, server):
        yield server


@pytest.fixture
def office(tmp_path, service):
    office = OfficeOfOne(
        tmp_path, embedding_url=service.url, embedding_api_key=KEY, embedding_tokens=600
    )
    yield office
    office.close()


def embedded(service):
    """The texts that the endpoint was sent since the last call."""
    texts = [text for _, _, body in service.asked for text in body["input"]]
    service.asked.clear()
    return texts


def paragraph(seed):
    chance = random.Random(seed)
    words = ["".join(chance.choices("abcdefghij", k=6)) for _ in range(70)]
    return " ".join([f"Clause {seed}", *words]) + "."


def page_of(seed):
    return [paragraph(f"{seed}.{n}") for n in range(6)]


def pdf(pages, *, headings=False):
    made = io.BytesIO()
    canvas = Canvas(made, invariant=True)
    for number, paragraphs in enumerate(pages, 1):
        y = 800
        if headings:
            canvas.setFont("Helvetica-Bold", 16)
            canvas.drawString(60, y, f"Section {number}")
            y -= 26
        canvas.setFont("Helvetica", 8)
        for each in paragraphs:
            for line in textwrap.wrap(each, 110):
                canvas.drawString(60, y, line)
                y -= 10
            y -= 8
        canvas.showPage()
    canvas.save()
    return made.getvalue()


OPENAI = {"embedder": "openai:some-model"}


def processed(office, name, content, **options):
    document_id = office.add(name, content, **OPENAI | options)
    row = office.process(document_id)
    assert row.status is Status.COMPLETED, row.error
    return row


def vectors_of(office, row):
    chunks = office.store.results.chunks(row.id, vectors=True)
    return [chunk.vector for chunk in chunks]


@pytest.mark.slow
@pytest.mark.parametrize("headings", [True, False])
def test_one_changed_page_of_500_costs_one_pages_chunks(office, service, headings):
    pages = [page_of(number) for number in range(500)]
    first = processed(office, "manual.pdf", pdf(pages, headings=headings))
    assert len(embedded(service)) == first.chunks >= 2 * 500

    row = first
    for number in (0, 250, 499):
        pages[number] = page_of(1000 + number)
        row = processed(
            office, "manual.pdf", pdf(pages, headings=headings), replaces=row.id
        )

        new = len(embedded(service))
        assert 0 < new <= MOST
        assert f"{row.chunks - new} of them unchanged" in row.message

    pages[250] = [*pages[250][:3], paragraph("new"), *pages[250][3:]]
    processed(office, "manual.pdf", pdf(pages, headings=headings), replaces=row.id)
    assert 0 < len(embedded(service)) <= MOST


def test_vectors_are_those_of_a_document_that_replaces_none(office, service):
    pages = [page_of(number) for number in range(12)]
    first = processed(office, "manual.pdf", pdf(pages))
    pages[5] = page_of("other")
    changed = processed(office, "manual.pdf", pdf(pages), replaces=first.id)
    assert len(embedded(service)) < first.chunks + changed.chunks

    alone = processed(office, "manual.pdf", pdf(pages))

    assert len(embedded(service)) == alone.chunks
    assert np.array_equal(vectors_of(office, changed), vectors_of(office, alone))
    assert changed.embedder == alone.embedder == "openai:some-model"


def test_the_message_says_how_many_chunks_are_embedded(office, service):
    text = "\n\n".join(paragraph(n) for n in range(40))
    first = processed(office, "notes.txt", text.encode())
    embedded(service)
    office.events.clear()

    row = processed(
        office, "notes.txt", f"{text}\n\nOne more.".encode(), replaces=first.id
    )

    new, total = len(embedded(service)), row.chunks
    assert 0 < new < 3
    messages = [each.message for each in office.events if each.step == "embedding"]
    assert f"Embedding {new} of {total} chunks, {total - new} unchanged" in messages
    counted = [each.current for each in office.events if each.total == total]
    assert all(each >= total - new for each in counted if each)


def test_a_document_with_the_same_text_is_embedded_without_its_embedder(
    office, service
):
    first = processed(office, "a.txt", b"The same text.")
    known = vectors_of(office, first)
    service.answers[:] = [(500, {}, {})]

    row = processed(office, "a.txt", b"The same text.\n\n", replaces=first.id)

    assert row.message == "Completed: 1 page, 1 chunk, 1 of them unchanged"
    assert np.array_equal(vectors_of(office, row), known)


@pytest.mark.parametrize(
    "changes", [{"embedder": "openai:other-model"}, {"embedding_tokens": 700}]
)
def test_vectors_of_another_embedder_are_not_used(office, service, changes):
    first = processed(office, "a.txt", b"The same text.")
    embedded(service)

    row = processed(office, "a.txt", b"The same text.", replaces=first.id, **changes)

    assert embedded(service) == ["The same text."]
    assert row.message == "Completed: 1 page, 1 chunk"


def test_vectors_of_another_length_are_all_made_again(office, service):
    first = processed(office, "a.txt", "\n\n".join(map(paragraph, range(9))).encode())
    service.answers[:] = [meaning]
    # As another worker would, this one knows nothing of the earlier length.
    embed._endpoint.cache_clear()

    text = "\n\n".join(map(paragraph, range(10)))
    row = processed(office, "a.txt", text.encode(), replaces=first.id)

    assert {len(vector) for vector in vectors_of(office, row)} == {2}
    assert "unchanged" not in row.message


def test_a_version_that_failed_is_passed_over(office, service):
    first = processed(office, "a.txt", b"The same text.")
    failed = office.process(office.add("a.txt", b"", replaces=first.id, **OPENAI))
    missing = office.add("a.txt", b"Gone.", replaces=failed.id, **OPENAI)
    embedded(service)

    row = processed(office, "a.txt", b"The same text.", replaces=missing)

    assert embedded(service) == []
    assert "1 of them unchanged" in row.message


def test_chunks_of_a_custom_chunker_are_identified_by_their_text(
    office, service, tmp_path, monkeypatch
):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "line_chunker.py").write_text(
        textwrap.dedent(
            """
            from collections.abc import Iterable, Iterator
            from docprogress.documents import Chunk, Page

            def lines(pages: Iterable[Page]) -> Iterator[Chunk]:
                for page in pages:
                    for number, line in enumerate(page.text.splitlines(), 1):
                        yield Chunk(number=number, text=line, start=0, end=len(line),
                                    first_page=1, last_page=1)
            """
        )
    )
    steps = plan(chunker="line_chunker:lines")
    first = processed(office, "a.txt", b"one\ntwo\nthree\ntwo", steps=steps)
    embedded(service)

    row = processed(
        office, "a.txt", b"new\none\nthree\ntwo", steps=steps, replaces=first.id
    )

    assert embedded(service) == ["new"]
    assert "3 of them unchanged" in row.message
    sys.modules.pop("line_chunker", None)


def test_an_interrupted_embedding_continues_with_both(office, service):
    text = "\n\n".join(paragraph(n) for n in range(40))
    first = processed(office, "notes.txt", text.encode(), embedding_batch=2)
    further = "\n\n".join(paragraph(f"new {n}") for n in range(40))
    embedded(service)
    refusals = [good, good, (401, {}, {"error": "no"})]
    service.answers[:] = refusals
    document_id = office.add(
        "notes.txt",
        f"{text}\n\n{further}".encode(),
        replaces=first.id,
        embedding_batch=2,
        **OPENAI,
    )
    office.process(document_id)
    sent = embedded(service)
    service.answers[:] = [good]
    office.store.documents.retry(document_ids=[document_id])

    row = office.process(document_id)

    assert row.status is Status.COMPLETED
    assert row.chunks - first.chunks <= len(sent) - 2 + len(embedded(service))
