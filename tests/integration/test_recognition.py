"""What a worker publishes and keeps of the pages that it recognises."""

import pytest
from support.rows import add_documents, add_run
from support.scans import drawn, need_ocr, numbered_scan, scanned_pdf

from docprogress.documents import Page
from docprogress.errors import HandedBack
from docprogress.events import Status
from docprogress.settings import load
from docprogress.steps import plan
from docprogress.storage import Files, Source
from docprogress.store import Store
from docprogress.worker.processing import DocumentProcessor

PAGES = 3


class Office:
    """A store, its files, and a worker that takes documents on request."""

    def __init__(self, folder):
        self.store = Store(f"sqlite:///{folder / 'store.db'}")
        self.files = Files(str(folder / "files"))
        self.events = []

    def add(self, content, *own_steps, **settings):
        steps = [step.to_dict() for step in plan(own_steps or None)]
        run = add_run(self.store, steps=steps, settings=settings)
        [document_id] = add_documents(self.store, run, 1, name="scan.pdf")
        source = Source(name="scan.pdf", data=content)
        self.files.add(document_id, source, max_bytes=1 << 24)
        self.store.submissions.mark_ready([(document_id, len(content), "x")])
        return document_id

    def process(self, document_id, publish=lambda event: False):
        def record(event):
            self.events.append(event)
            return publish(event)

        attempt = self.store.documents.get(document_id).attempt
        claim = self.store.attempts.claim(document_id, attempt, worker="w")
        processor = DocumentProcessor(
            store=self.store,
            files=self.files,
            settings=load(workers=2),
            publish=record,
            sleep=lambda _: None,
        )
        processor.process(claim)
        return self.store.documents.get(document_id)


@pytest.fixture
def office(tmp_path):
    need_ocr()
    office = Office(tmp_path)
    yield office
    office.store.close()


def started(events):
    return [event.message for event in events if "Recognising" in event.message]


def test_every_recognised_page_is_announced_before_it_is_begun(office):
    row = office.process(office.add(numbered_scan(PAGES)))

    assert row.status is Status.COMPLETED
    announced = dict.fromkeys(started(office.events))
    assert list(announced) == [f"Recognising page {n} of {PAGES}" for n in (1, 2, 3)]
    counted = [(e.ocr_current, e.ocr_total) for e in office.events if e.ocr_total]
    assert counted[0] == (0, PAGES)
    assert counted[-1] == (PAGES, PAGES)
    assert (row.ocr_pages, row.message) == (PAGES, "Completed: 3 pages, 1 chunk")
    assert 0.9 < row.confidence <= 1


def test_only_pages_to_be_recognised_are_counted_as_such(office):
    text = "A page with a text layer. " * 3
    content = scanned_pdf(text, drawn(), text)

    office.process(office.add(content))

    assert {e.ocr_total for e in office.events if e.ocr_total is not None} == {1}


def test_interrupted_scan_continues_at_the_page_it_had_reached(office):
    document_id = office.add(numbered_scan(PAGES))

    def stop_at_the_last(event):
        if event.message == f"Recognising page {PAGES} of {PAGES}":
            raise HandedBack("this worker stops")
        return False

    office.process(document_id, stop_at_the_last)
    office.events.clear()
    row = office.process(document_id)

    assert row.status is Status.COMPLETED
    assert set(started(office.events)) == {f"Recognising page {PAGES} of {PAGES}"}
    pages = office.store.results.pages(document_id)
    assert [f"page number {n}" in p.text for n, p in enumerate(pages, 1)] == [True] * 3
    with office.store.database.reading() as connection:
        left = connection.exec_driver_sql("SELECT count(*) FROM recognised_page")
        assert left.scalar() == 0


def test_pages_of_another_resolution_are_not_continued_with(office):
    document_id = office.add(numbered_scan(PAGES))
    office.store.open()
    claim = office.store.attempts.claim(document_id, 1, worker="w")
    page = Page(number=1, text="of other options")
    office.store.attempts.save_recognised(
        document_id, 1, [page], recogniser="rapidocr, other options"
    )
    office.store.attempts.hand_over(document_id, 1, message="again")
    assert claim is not None

    office.process(document_id)

    pages = office.store.results.pages(document_id)
    assert "page number 1" in pages[0].text


def test_document_without_text_is_counted_in_the_summary(office):
    office.process(office.add(numbered_scan(1), ocr="never"))

    [run] = office.store.runs.find()
    assert office.store.runs.without_text(run.id) == {
        "no text layer, and OCR is off": 1
    }


@pytest.fixture
def own_steps(tmp_path, monkeypatch):
    """Steps of a user: `ocr` recognises, `erase` takes text away."""
    folder = tmp_path / "steps"
    folder.mkdir()
    (folder / "recognising_steps.py").write_text(
        "from dataclasses import replace\n"
        "from docprogress.documents import Page\n"
        "def ocr(pages):\n"
        "    return [replace(page, text='read by hand') for page in pages]\n"
        "def erase(pages):\n"
        "    return [replace(page, text=' ') for page in pages]\n"
    )
    monkeypatch.syspath_prepend(folder)


@pytest.mark.parametrize("ocr", ["never", "auto"])
def test_a_scan_that_an_own_step_has_recognised_has_text(tmp_path, own_steps, ocr):
    office = Office(tmp_path)
    content = scanned_pdf(drawn("")) if ocr == "auto" else numbered_scan(1)

    read_only = office.process(office.add(content, ocr="never"))
    row = office.process(office.add(content, "recognising_steps:ocr", ocr=ocr))

    assert row.message == "Completed: 1 page, 1 chunk"
    assert (row.note, row.media_type) == (None, "application/pdf")
    # What the reader has found in the file is still known.
    assert row.metadata
    assert read_only.metadata.items() <= row.metadata.items()
    assert office.store.runs.without_text(row.run_id) == {}
    office.store.close()


def test_a_document_that_an_own_step_leaves_without_text_says_so(tmp_path, own_steps):
    office = Office(tmp_path)
    content = scanned_pdf("A page with a text layer. " * 3)

    row = office.process(office.add(content, "recognising_steps:erase"))

    assert row.message == "Completed: 1 page, 0 chunks; no text"
    assert office.store.runs.without_text(row.run_id) == {"no text": 1}
    office.store.close()
