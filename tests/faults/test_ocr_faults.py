"""Scans that are interrupted in the middle of a page."""

import time

import psutil
import pytest
from support.patience import patient
from support.scans import need_ocr, numbered_scan
from support.services import eventually

from docprogress import Pipeline, Status
from docprogress.bus.leases import owners

PAGES = 8


@pytest.fixture
def pipeline(home):
    need_ocr()
    with Pipeline(home=home, workers=2, lease_seconds=6) as pipeline:
        yield pipeline


def newest(pipeline, run):
    [row] = run.documents()
    return pipeline.bus.newest([row.id]).get(row.id)


def recognising(pipeline, run, *, page):
    """Whether this page or a later one is being recognised."""
    event = newest(pipeline, run)
    return event is not None and (event.ocr_current or 0) >= page - 1


@pytest.mark.slow
def test_scan_continues_at_the_page_that_a_killed_worker_had_reached(pipeline):
    run = pipeline.submit([("scan.pdf", numbered_scan(PAGES))])
    eventually(lambda: recognising(pipeline, run, page=4), seconds=120)
    [row] = run.documents()
    owner = owners(pipeline.bus.redis, [row.id])[row.id]
    psutil.Process(int(owner.rpartition(":")[2])).kill()

    run.wait(timeout=patient(120))

    [row] = run.documents()
    assert (row.status, row.attempt, row.ocr_pages) == (Status.COMPLETED, 2, PAGES)
    events = run.events()
    second = events[(events["attempt"] == 2) & events["ocr_total"].notna()]
    assert second["ocr_total"].max() < PAGES - 2
    pages = pipeline.store.results.pages(row.id)
    assert [f"page number {n}" in page.text for n, page in enumerate(pages, 1)] == (
        [True] * PAGES
    )
    assert pipeline.store.recognised.kept(row.id, recogniser="") == {}


@pytest.mark.slow
def test_scan_is_cancelled_in_the_middle_of_a_page_within_five_seconds(pipeline):
    run = pipeline.submit([("scan.pdf", numbered_scan(PAGES))])
    eventually(lambda: recognising(pipeline, run, page=2), seconds=120)

    began = time.monotonic()
    run.cancel()
    run.wait(timeout=patient(30))

    assert time.monotonic() - began < patient(5)
    [row] = run.documents()
    assert (row.status, row.attempt) == (Status.CANCELLED, 1)
