"""What progress says about pages that are recognised, and documents without text."""

import pytest
from support.clock import Clock
from support.events import event_at
from support.forecasts import time_left

from docprogress.events import Status
from docprogress.progress.fold import Progress

STEPS = {"extraction": (0.0, 60.0), "chunking": (60.0, 100.0)}


@pytest.fixture
def progress(clock: Clock):
    return Progress(clock=clock, now=clock.today, steps=STEPS)


@pytest.fixture
def recognise(clock, progress):
    """Recognise pages that take some seconds each, after pages of text."""

    def recognise(name, *, pages, of, text=0, seconds=2.0, first=None):
        total = of + text
        for done in range(pages + 1):
            if done:
                clock.advance(first if first and done == 1 else seconds)
            progress.apply(
                event_at(
                    clock,
                    name,
                    progress=60 * (text + done) / total,
                    message=f"Recognising page {text + done + 1} of {total}",
                    current=text + done,
                    total=total,
                    unit="page",
                    ocr_current=done,
                    ocr_total=of,
                )
            )

    return recognise


def test_pages_of_text_say_nothing_about_those_that_are_recognised(progress, recognise):
    recognise("scan", pages=5, of=40, text=60)

    assert time_left(progress) == pytest.approx(35 * 2.0, rel=0.1)


def test_nothing_is_estimated_before_a_page_was_recognised(progress, clock, recognise):
    recognise("scan", pages=0, of=40, text=60)
    clock.advance(10)

    assert progress.remaining_seconds is None


def test_second_scan_is_estimated_by_the_pages_of_the_first(progress, recognise):
    recognise("first", pages=10, of=10)
    recognise("second", pages=0, of=20, text=80)

    assert time_left(progress) == pytest.approx(20 * 2.0, rel=0.15)


@pytest.mark.parametrize("pages", [2, 3, 4, 12])
def test_a_first_page_that_waits_for_the_models_says_nothing_about_the_others(
    progress, recognise, pages
):
    recognise("scan", pages=pages, of=40, first=15.0)

    assert time_left(progress) == pytest.approx((40 - pages) * 2.0, rel=0.1)


def test_time_left_follows_pages_that_become_slower(progress, recognise):
    recognise("first", pages=3, of=3, seconds=1.0)
    recognise("second", pages=10, of=20, seconds=5.0)

    assert time_left(progress) == pytest.approx(10 * 5.0, rel=0.15)


@pytest.mark.parametrize(
    ("pages", "expected"), [(2, None), (5, pytest.approx(110, rel=0.25))]
)
def test_scans_that_wait_are_expected_to_take_as_long_as_those_that_run(
    clock, progress, recognise, pages, expected
):
    for number in range(2):
        progress.apply(event_at(clock, f"waits {number}", Status.QUEUED))

    recognise("scan", pages=pages, of=20)
    clock.advance(1)

    assert time_left(progress) == expected


def test_a_text_that_runs_beside_a_scan_says_nothing_about_those_that_wait(
    clock, progress, recognise
):
    progress.apply(event_at(clock, "waits", Status.QUEUED))
    progress.apply(event_at(clock, "text", step="chunking", progress=70))
    recognise("scan", pages=10, of=20)

    assert progress.remaining_seconds is None


@pytest.mark.parametrize(
    ("note", "expected"),
    [
        (
            "no text layer, OCR needed",
            (
                "3 documents: 3 completed; 1 of 3 documents has no text; "
                "install docprogress[ocr]"
            ),
        ),
        (
            "named .png, read as a PDF; no text",
            "3 documents: 3 completed; 1 of 3 documents has no text",
        ),
        ("3 of 9 pages could not be read", "3 documents: 3 completed"),
    ],
)
def test_summary_counts_documents_without_text(progress, clock, note, expected):
    for name in "ab":
        message = "Completed: 1 page, 1 chunk"
        progress.apply(event_at(clock, name, Status.COMPLETED, message=message))
    message = f"Completed: 1 page, 0 chunks; {note}"
    progress.apply(event_at(clock, "c", Status.COMPLETED, message=message))

    assert progress.summary() == expected
    assert progress.without_text == ("has no text" in expected)


def test_document_that_is_retried_is_no_longer_counted(progress, clock):
    message = "Completed: 1 page, 0 chunks; no text layer, OCR needed"
    progress.apply(event_at(clock, "a", Status.COMPLETED, message=message, attempt=1))
    progress.apply(event_at(clock, "a", Status.QUEUED, attempt=2))

    assert progress.without_text == 0
