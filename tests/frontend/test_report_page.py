"""The report of a run in a real browser, which loads it as a file."""

from datetime import UTC, datetime

import pytest

from docprogress.events import Status
from docprogress.exports.run_report.page import render
from docprogress.exports.run_report.values import (
    DocumentLine,
    Reason,
    RunReport,
    Segment,
    StepLine,
    Track,
)

LINES = [
    (1, "Zürich.pdf", Status.FAILED, "The file is empty", 0, None),
    (2, "alpha 10.txt", Status.COMPLETED, "", 1204, 61.25),
    (3, "alpha 9.txt", Status.COMPLETED, "no text", 30, 0.5),
]


@pytest.fixture
def page(browser, tmp_path):
    moment = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    report = RunReport(
        run_id="20260102-030400-abcdef",
        case_id=None,
        summary="3 documents: 2 completed, 1 failed",
        created_at=moment,
        written_at=moment,
        seconds=61.5,
        finished=True,
        counts={Status.COMPLETED: 2, Status.FAILED: 1},
        totals={"Pages": 1234},
        documents=[
            DocumentLine(
                number=number,
                name=name,
                status=status,
                detail=detail,
                pages=pages,
                chunks=3,
                ocr_pages=None,
                size=1000,
                seconds=seconds,
                attempts=1,
                worker="host:1",
            )
            for number, name, status, detail, pages, seconds in LINES
        ],
        document_count=3,
        reasons=[Reason(text="The file is empty", count=1, names=["Zürich.pdf"])],
        steps=[StepLine(name="extraction", documents=2, total=3, median=1, longest=2)],
        kinds=[],
        warnings=[],
        warning_count=0,
        tracks=[
            Track(
                worker="host:1",
                segments=[
                    Segment("extraction", 0, 61, "a"),
                    Segment("failed", 61, 61.2, "b"),
                ],
            )
        ],
        track_count=1,
        ends=[(61.25, 1204)],
        settings={"ocr": "auto"},
        versions={"docprogress": "1"},
    )
    path = tmp_path / "run.html"
    path.write_text(render(report), encoding="utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 800})
    complaints = []
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: complaints.append(request.url))
    page.goto(path.as_uri())
    complaints.remove(path.as_uri())
    yield page
    page.close()
    assert complaints == []


def shown(page):
    rows = page.locator("#documents tbody tr:not([hidden]) td:first-child")
    return [int(text) for text in rows.all_inner_texts()]


def test_documents_of_a_report_are_sorted_by_any_column_and_filtered(page):
    assert shown(page) == [1, 2, 3]
    head = page.locator("#documents thead th")

    page.get_by_role("button", name="Document").press("Enter")
    assert shown(page) == [3, 2, 1]
    assert head.nth(1).get_attribute("aria-sort") == "ascending"
    page.get_by_role("button", name="Pages").press("Enter")
    assert shown(page) == [2, 3, 1]
    page.get_by_role("button", name="Pages").press("Enter")
    # What has no number comes last, in either direction.
    assert shown(page) == [3, 2, 1]
    assert [head.nth(n).get_attribute("aria-sort") for n in range(4)] == [
        *(None, None, None),
        "ascending",
    ]
    page.get_by_role("searchbox").fill("zurich EMPTY")
    assert shown(page) == [1]
    assert page.locator("#filter-count").inner_text() == "1 of 3"
    page.get_by_role("searchbox").fill("")
    page.get_by_role("combobox").select_option("completed")
    assert shown(page) == [3, 2]


def test_a_report_fits_a_phone_and_prints_all_its_rows(page):
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.get_by_role("searchbox").fill("nothing")
    assert shown(page) == []
    page.get_by_role("searchbox").fill("")
    page.emulate_media(media="print")
    assert not page.get_by_role("searchbox").is_visible()
    assert shown(page) == [1, 2, 3]
