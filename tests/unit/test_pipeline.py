"""One document through its steps, with a store that is sometimes unavailable."""

import io
import sys
import textwrap
import time
from contextlib import contextmanager

import pytest
from reportlab.pdfgen import canvas
from support.rows import add_documents, add_run

from docprogress.errors import StoreUnavailable
from docprogress.events import Status
from docprogress.settings import load
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import Store
from docprogress.store.attempts import Attempts
from docprogress.worker.processing import DocumentProcessor


class AttemptsOverLossyConnection(Attempts):
    """Commits the first results, and loses the connection before it can answer."""

    lost = 0

    def finish_steps(self, *arguments, **options):
        row = super().finish_steps(*arguments, **options)
        if not self.lost:
            self.lost += 1
            raise StoreUnavailable("the line was lost")
        return row


@pytest.fixture
def own_step(tmp_path, monkeypatch):
    """A step that is no quick one: what comes before it is kept at once."""
    code = """
        from collections.abc import Iterable, Iterator
        from docprogress import Page

        def own(pages: Iterable[Page]) -> Iterator[Page]:
            yield from pages
    """
    (tmp_path / "forgetful_steps.py").write_text(textwrap.dedent(code))
    monkeypatch.chdir(tmp_path)
    yield "forgetful_steps:own"
    sys.modules.pop("forgetful_steps", None)


def test_a_result_is_kept_once_even_if_its_acknowledgement_was_lost(tmp_path, own_step):
    files = Files(str(tmp_path / "files"))
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        store.attempts = AttemptsOverLossyConnection(store.database, store.runs)
        steps = [step.to_dict() for step in plan([own_step])]
        run = add_run(store, steps=steps, settings={})
        [document_id] = add_documents(store, run, 1, name="a.txt")
        files.add(document_id, Source(name="a.txt", data=b"Some words."), max_bytes=99)
        store.submissions.mark_ready([(document_id, 11, "x")])
        worker = DocumentProcessor(
            store=store,
            files=files,
            settings=load(),
            publish=lambda _: False,
            sleep=lambda _: None,
        )

        worker.process(store.attempts.claim(document_id, 1, worker="w"))

        assert store.attempts.lost == 1
        row = store.documents.get(document_id)
        assert (row.status, row.attempt) == (Status.COMPLETED, 1)
        assert [page.text for page in store.results.pages(document_id)] == [
            "Some words."
        ]
        assert [chunk.text for chunk in store.results.chunks(document_id)] == [
            "Some words."
        ]


def test_each_page_and_chunk_renews_the_limit_of_its_step(tmp_path, own_step):
    limits, renewed = [], []

    @contextmanager
    def guard(seconds, total):
        limits.append((seconds, total))
        renewed.append(0)

        def renew():
            renewed[-1] += 1

        yield renew

    files = Files(str(tmp_path / "files"))
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        steps = [step.to_dict() for step in plan([own_step])]
        settings = {"step_seconds": 5.0, "total_seconds": 60.0}
        run = add_run(store, steps=steps, settings=settings)
        [document_id] = add_documents(store, run, 1, name="a.pdf")
        content = io.BytesIO()
        drawing = canvas.Canvas(content)
        for number in range(30):
            drawing.drawString(72, 700, f"page {number}")
            drawing.showPage()
        drawing.save()
        source = Source(name="a.pdf", data=content.getvalue())
        files.add(document_id, source, max_bytes=1 << 20)
        store.submissions.mark_ready([(document_id, 11, "x")])
        worker = DocumentProcessor(
            store=store,
            files=files,
            settings=load(),
            publish=lambda _: False,
            guard=guard,
        )

        worker.process(store.attempts.claim(document_id, 1, worker="w"))

        assert store.documents.get(document_id).status is Status.COMPLETED
        assert limits == [(5.0, 60.0)] * 4
        extraction, own, chunking, embedding = renewed
        assert extraction >= 30
        assert own >= 30
        assert chunking >= 30
        assert embedding >= len(list(store.results.chunks(document_id)))


def test_the_pause_before_the_next_attempt_grows_no_longer_than_an_hour(
    tmp_path, monkeypatch
):
    (tmp_path / "failing_steps.py").write_text(
        "from docprogress import TransientError\n"
        "def fails(pages):\n"
        "    raise TransientError('not yet')\n"
    )
    monkeypatch.chdir(tmp_path)
    files = Files(str(tmp_path / "files"))
    with Store(f"sqlite:///{tmp_path / 'store.db'}") as store:
        steps = [step.to_dict() for step in plan(["failing_steps:fails"])]
        settings = {"max_attempts": 100, "retry_seconds": 900}
        run = add_run(store, steps=steps, settings=settings)
        [document_id] = add_documents(store, run, 1, name="a.txt")
        files.add(document_id, Source(name="a.txt", data=b"Some words."), max_bytes=99)
        store.submissions.mark_ready([(document_id, 11, "x")])
        worker = DocumentProcessor(
            store=store, files=files, settings=load(), publish=lambda _: False
        )

        pauses = []
        for attempt in range(1, 100):
            worker.process(store.attempts.claim(document_id, attempt, worker="w"))
            row = store.documents.get(document_id)
            pauses.append(round(row.due_at - time.time(), -2))
        worker.process(store.attempts.claim(document_id, 100, worker="w"))

        assert pauses == [900, 1800] + [3600] * 97
        assert (
            store.documents.get(document_id).error
            == "a.txt: not yet (after 100 attempts)"
        )
