"""The report of a run: one file, complete, harmless and of bounded size."""

import re
from datetime import timedelta

import pytest
from support.hostile_html import HOSTILE, Elements
from support.rows import add_documents, add_run, finish_step

from docprogress.client.run_report import write_report
from docprogress.errors import ExportError
from docprogress.events import Status, now
from docprogress.store import Store

FACTS = {"media_type": "application/pdf", "engine": "pdfium"}


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    folder = tmp_path_factory.mktemp("store")
    with Store(f"sqlite:///{folder / 'store.db'}") as store:
        yield store


class Report(Elements):
    """A report's elements; void ones close themselves."""

    def handle_starttag(self, tag, attrs):
        if tag in ("meta", "input"):
            self.handle_startendtag(tag, attrs)
        else:
            super().handle_starttag(tag, attrs)


def processed(store, run, document_id, *, error=None, message="Completed", **facts):
    store.submissions.mark_ready([(document_id, 1000, "5ha256")])
    claim = store.attempts.claim(document_id, 1, worker="vm:1")
    started_at = now() - timedelta(seconds=1)
    if error is None:
        finish_step(
            store, claim.document, 0, started_at=started_at, facts=FACTS | facts
        )
        store.attempts.finish(document_id, 1, Status.COMPLETED, message=message)
    else:
        store.attempts.finish(
            document_id, 1, Status.FAILED, message="Failed", error=error
        )


class Connections:
    """Of a pipeline whose Redis nobody asks: one queue needs no history."""

    def __init__(self, store):
        self.store = store

    def bus_to_look_back(self):
        raise AssertionError("one queue needs no history")


def written(store, run, path):
    """The report, read again."""
    write_report(Connections(store), run, path, summary="A summary")
    return path.read_text(encoding="utf-8")


def test_a_report_names_failures_by_their_reasons_and_lists_them_first(store, tmp_path):
    run = add_run(store, expected=4)
    ids = add_documents(store, run, 4)
    processed(store, run, ids[0])
    for failed in ids[1:3]:
        name = store.documents.get(failed).name
        processed(store, run, failed, error=f"{name}: the file is empty")
    processed(store, run, ids[3])

    page = written(store, run, tmp_path / "run.html")

    body = page.partition("<tbody>")[2]
    assert re.findall(r"<td>(The file is empty)</td><td[^>]*>(\d)<", body) == [
        ("The file is empty", "2")
    ]
    names = re.findall(r"<tr class=(\w+)><td>(\d)</td>", page)
    assert names == [
        ("failed", "2"),
        ("failed", "3"),
        ("completed", "1"),
        ("completed", "4"),
    ]
    assert "Finished in" in page


def test_a_report_of_an_unfinished_run_says_that_it_shows_a_moment(store, tmp_path):
    run = add_run(store, expected=3)
    processed(store, run, add_documents(store, run, 2)[0])

    page = written(store, run, tmp_path / "run.html")

    assert "Unfinished after" in page
    assert "<dd>2</dd><dt>Queued</dt>" in page


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_run_contains_becomes_markup_of_its_report(
    store, tmp_path, text
):
    run = add_run(store, expected=2, case_id=text, settings={"sink": text})
    failed, read = add_documents(store, run, 2, name=text)
    processed(store, run, failed, error=text)
    processed(store, run, read, message=f"Completed; {text}", warnings=[text])

    report = Report(written(store, run, tmp_path / "run.html"))

    assert report.open == []
    assert report.found.count("script") == 1
    assert not {"img", "iframe", "object", "link", "a"} & set(report.found)
    names = {name for name, _ in report.attributes}
    assert not {"src", "href", "srcset", "data"} & names
    assert not any(name.startswith("on") for name in names)
    assert " ".join(text.split()) in report.text


def test_a_thousand_documents_fit_into_a_megabyte(store, tmp_path):
    run = add_run(store, expected=1000)
    long_name = "A letter about something that took a long name, number "
    for number, document_id in enumerate(
        add_documents(store, run, 1000, name=f"{long_name}0001.pdf")
    ):
        failed = number % 10 == 0
        error = f"the page {number} is damaged or cut short; fetch it again"
        processed(store, run, document_id, error=error if failed else None)

    page = written(store, run, tmp_path / "run.html")

    assert page.count("<tr class=") == 1000
    assert page.count("<rect") > 10
    assert len(page.encode()) < 1_000_000


def test_a_report_that_cannot_be_written_names_its_place_and_keeps_the_earlier_one(
    store, tmp_path
):
    run = add_run(store)
    processed(store, run, add_documents(store, run, 1)[0])
    place = tmp_path / "report"
    place.mkdir()
    with pytest.raises(ExportError, match=r"is a folder: name a file, such as .*html"):
        written(store, run, place)
    (place / "file").write_text("")
    with pytest.raises(ExportError, match=r"run\.html cannot be written"):
        written(store, run, place / "file" / "run.html")

    written(store, run, place / "run.html")
    again = written(store, run, place / "run.html")

    assert again.endswith("</html>\n")
    assert {path.name for path in place.iterdir()} == {"file", "run.html"}
