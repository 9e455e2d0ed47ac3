"""The uploader, the table that stays in a notebook, and the report, with made-up contents."""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from functools import partial
from typing import Any

from playwright.sync_api import Browser, Page, Route
from support.gallery import PACKAGE
from support.page_states import TYPES

from docprogress.events import Status
from docprogress.exports.run_report.page import render as render_report
from docprogress.exports.run_report.values import (
    DocumentLine,
    KindLine,
    Reason,
    RunReport,
    Segment,
    StepLine,
    Track,
    WarningLine,
)
from docprogress.notebook.progress.table_html import render as render_table
from docprogress.notebook.progress.table_rows import TableRow

ADDRESS = "http://docprogress.test"

NAMES = (
    "annual-report-2025.pdf",
    "lease-agreement-hamburg-warehouse-signed.pdf",
    "minutes of the board.docx",
    "Übernahmevertrag Müller & Söhne.pdf",
    "契約書_最終版_本当に最終版_これが最後.pdf",
    "تقرير سنوي عن الأعمال لعام ألفين وخمسة وعشرين.pdf",
    "👩‍👩‍👧‍👦 family 🎉.pdf",
    "a" * 120 + ".pdf",
)

ENCRYPTED = (
    "The PDF is encrypted and needs a password; give it to run.retry(passwords=[…])"
)

LIMITS = {
    "max_bytes": 536_870_912,
    "max_files": 1000,
    "chunk": 1_048_576,
    "suffixes": [".pdf"],
    "processed": True,
}


def file(number: int, status: str, size: int, received: int, error: str = "") -> Any:
    """A file of the uploader."""
    return {
        "key": str(number),
        "name": NAMES[number % len(NAMES)],
        "size": size,
        "status": status,
        "error": error or None,
        "received": received,
        "submitted": False,
        "version": 1,
        "own": True,
    }


FILES = [
    file(0, "arrived", 81_100, 81_100),
    file(1, "failed", 1_200_000_000, 0, "too large: the limit is 537 MB"),
    file(2, "failed", 0, 0, "the file is empty"),
    file(3, "arriving", 180_000_000, 170_000_000),
    file(4, "arriving", 37_700, 37_700),
    file(5, "arriving", 11_100, 0),
    file(6, "cancelled", 11_100, 0),
    file(7, "arriving", 52_000_000, 4_000_000),
]

UPLOADS: Mapping[str, dict[str, Any]] = {
    "uploader: empty": {"entries": []},
    "uploader: uploading": {"entries": FILES, "speed": 14_800_000},
    "uploader: ended": {
        "entries": FILES[:3],
        "note": "2 files left out: the limit is 1,000 files",
    },
    "uploader: kernel busy": {"entries": FILES, "silence": "busy"},
    "uploader: kernel gone": {"entries": FILES, "silence": "gone"},
    "uploader: not processed": {
        "entries": FILES[:1],
        "problem": "The files are here, but no worker takes them: Redis is unreachable",
    },
}


def open_uploader(state: Mapping[str, Any], browser: Browser) -> Page:
    """Draw an uploader in a state."""
    page = browser.new_page(viewport={"width": 1232, "height": 640})
    page.route("**/*", serve_sources)
    page.goto(f"{ADDRESS}/")
    page.evaluate(
        """async state => {
            const {createUploader} = await import("/src/uploader/view.js");
            createUploader(document.querySelector("main"), {}).draw(state);
        }""",
        {"limits": LIMITS, "silence": "", "note": "", "problem": "", "speed": None}
        | dict(state),
    )
    page.locator(".dp-limits:not(:empty)").wait_for()
    return page


def serve_sources(route: Route) -> None:
    """Serve an empty page, and the package's scripts and style sheets."""
    path = route.request.url.removeprefix(ADDRESS)
    if path == "/":
        style = '<link rel="stylesheet" href="/dist/uploader.css">'
        body = "<style>:root { color-scheme: light dark }</style><main></main>"
        route.fulfill(content_type="text/html", body=f"<!doctype html>{style}{body}")
    else:
        found = PACKAGE / "frontend" / path.removeprefix("/")
        route.fulfill(path=found, content_type=TYPES[found.suffix])


def table_row(number: int) -> TableRow:
    """A document of a table: most have completed."""
    status = {0: Status.FAILED, 1: Status.CANCELLED}.get(number, Status.COMPLETED)
    completed = status is Status.COMPLETED
    return TableRow(
        name=NAMES[number % len(NAMES)],
        status=status,
        step="extraction",
        percent="31 %",
        error=ENCRYPTED if status is Status.FAILED else "",
        notes=("no text layer, OCR needed",) if number == 2 else (),
        pages=12 + 37 * number if completed else None,
        chunks=36 + 111 * number if completed else None,
        seconds=0.02 if number == 3 else 1.5 + 97 * number,
        attempts=1 + number % 2,
    )


#: What JupyterLab does to tables.
_JUPYTER = """
:root { color-scheme: light dark }
body { margin: 16px; font: 13px/1.5 system-ui, sans-serif }
table { border: none; font-size: 12px; border-collapse: collapse }
thead { border-bottom: 1px solid #bdbdbd }
td, th { text-align: right; padding: 0.5em; border: none; line-height: normal }
tbody tr:nth-child(odd) { background: rgb(128 128 128 / 10%) }
"""


def open_table(count: int, browser: Browser) -> Page:
    """Draw the table of a run that has ended."""
    rows = [table_row(number) for number in range(count)]
    head = f"{count} documents: {count - 2} completed, 1 failed, 1 cancelled"
    html = render_table([head], rows, 0, [])
    page = browser.new_page(viewport={"width": 1232, "height": 640})
    page.set_content(f"<!doctype html><style>{_JUPYTER}</style>{html}")
    return page


def report(count: int) -> RunReport:
    """A report of some documents."""
    rows = [table_row(number) for number in range(count)]
    moment = datetime(2026, 11, 24, 7, 51, tzinfo=UTC)
    counts = {status: sum(row.status is status for row in rows) for status in Status}
    return RunReport(
        run_id="20261124-075122-ec3516",
        case_id=None,
        summary=f"{count} documents: {count - 2} completed, 1 failed, 1 cancelled",
        created_at=moment,
        written_at=moment,
        seconds=61.5,
        finished=True,
        counts=counts,
        totals={"Pages": 4711, "Chunks": 14_133, "Recognised pages": 12},
        documents=[
            DocumentLine(
                number=number,
                name=row.name,
                status=row.status,
                detail=row.error or "; ".join(row.notes),
                pages=row.pages or 0,
                chunks=row.chunks or 0,
                ocr_pages=12 if number == 4 else None,
                size=1000 * (number + 1) ** 4,
                seconds=row.seconds,
                attempts=row.attempts or 1,
                worker="worker-1:4711",
            )
            for number, row in enumerate(rows, 1)
        ],
        document_count=count,
        reasons=[Reason(text=ENCRYPTED, count=1, names=[rows[0].name])],
        steps=[
            StepLine(name=name, documents=count - 2, total=9 * n, median=n / 2, longest=n)
            for n, name in enumerate(("extraction", "chunking", "embedding"), 1)
        ],
        kinds=[
            KindLine(
                kind="pdf",
                engine="pdfium",
                documents=count - 2,
                pages=4711,
                ocr_pages=12,
                confidence=0.94,
                without_text=1,
                warnings=1,
            )
        ],
        warnings=[WarningLine(name=rows[2].name, warnings=["no text layer, OCR needed"])],
        warning_count=1,
        tracks=[
            Track(
                worker=f"worker-{worker}:4711",
                segments=[
                    Segment(step, 3 * n + worker, 3 * n + worker + 2.6, rows[n % count].name)
                    for n in range(18)
                    for step in [("extraction", "chunking", "embedding", "failed")[n % 4]]
                ],
            )
            for worker in (1, 2, 3)
        ],
        track_count=3,
        ends=[(1 + 2.1 * n, 12 + 37 * n) for n in range(count)],
        settings={"ocr": "auto", "max_pages": 2000, "chunk_size": 1000},
        versions={"docprogress": "1.0", "python": "3.13"},
    )  # fmt: skip


def open_report(count: int, browser: Browser) -> Page:
    """Draw a report."""
    page = browser.new_page(viewport={"width": 1232, "height": 640})
    page.set_content(render_report(report(count)))
    return page


#: What opens each of them in each of its states.
STATES: Mapping[str, Callable[[Browser], Page]] = {
    **{name: partial(open_uploader, state) for name, state in UPLOADS.items()},
    "table: a few documents": partial(open_table, 8),
    "table: many documents": partial(open_table, 60),
    "report": partial(open_report, 28),
}
