"""The states of the server's page, without a server: its answers are made up.

Each state says what the server answers, and what a user does.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

from playwright.sync_api import Browser, Page, Route
from support.gallery import PACKAGE

DIST = PACKAGE / "frontend" / "dist"
ADDRESS = "http://docprogress.test"

#: The type of each kind of file.
TYPES = {
    ".css": "text/css",
    ".html": "text/html",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

BEGAN = datetime(2026, 11, 24, 7, 51, tzinfo=UTC)

STEPS = [
    {"name": "extraction", "start": 0, "end": 60},
    {"name": "chunking", "start": 60, "end": 70},
    {"name": "embedding", "start": 70, "end": 100},
]

#: Names, statuses, messages and errors of the documents on the page.
DOCUMENTS = [
    ("minutes of the board.docx", "processing", "Extracting page 21 of 86", None),
    ("lease-agreement-hamburg-warehouse-signed.pdf", "processing", "Embedding chunk 212 of 771", None),
    ("acquisition-draft.pdf", "failed", "Failed", "acquisition-draft.pdf: the PDF is encrypted and needs a password; give it to run.retry(passwords=[…])"),
    ("delivery-note-scan.pdf", "completed", "Completed: 1 page, 0 chunks; no text layer, OCR needed", None),
    ("Übernahmevertrag Müller & Söhne.pdf", "completed", "Completed: 49 pages, 147 chunks", None),
    ("契約書_最終版_本当に最終版_これが最後.pdf", "completed", "Completed: 12 pages, 31 chunks", None),
    ("تقرير سنوي عن الأعمال لعام ألفين وخمسة وعشرين.pdf", "cancelled", "Cancelled", None),
    ("invoice 4471.pdf", "queued", "Queued", None),
    ("terms.html", "queued", "Queued", None),
]  # fmt: skip

PROGRESS = {"processing": 45.0, "failed": 31.0, "cancelled": 24.0, "completed": 100.0}


def listed(index: int, name: str, status: str, message: str, error: str | None) -> Any:
    """A document, as the server lists it."""
    ended = status in ("completed", "failed", "cancelled")
    begun = (
        None if status == "queued" else (BEGAN + timedelta(seconds=index)).isoformat()
    )
    return {
        "id": f"document-{index}",
        "run_id": "run",
        "case_id": None,
        "filename": name,
        "status": status,
        "step": "" if status == "queued" else "extraction",
        "progress": PROGRESS.get(status, 0.0),
        "message": message,
        "updated_at": (BEGAN + timedelta(seconds=30)).isoformat(),
        "started_at": begun,
        "finished_at": (BEGAN + timedelta(seconds=9 + 7 * index)).isoformat() if ended else None,
        "error_message": error,
        "attempt": 1,
        "pages": 12 if status == "completed" else 0,
    }  # fmt: skip


def documents(rows: list[Any] = DOCUMENTS, **more: Any) -> dict[str, Any]:
    """A list of documents, as the server answers."""
    found = [listed(index, *row) for index, row in enumerate(rows)]
    return {"documents": found, "next": None, "steps": STEPS} | more


#: What the server says of a document that has failed.
HISTORY = {
    "steps": [{"name": "extraction", "seconds": 1.2, "attempt": 1}],
    "events": [
        {
            "document_id": "document-2",
            "status": status,
            "step": step,
            "progress": 0,
            "message": message,
            "timestamp": (BEGAN + timedelta(seconds=second)).isoformat(),
            "attempt": 1,
        }
        for second, status, step, message in (
            (0, "queued", "", "Queued"),
            (1, "processing", "extraction", "Extracting"),
            (2, "failed", "extraction", "Failed"),
        )
    ],
}


@dataclass(frozen=True)
class PageState:
    """A state of the page.

    Args:
        answers: By the beginning of a path, a status and what is answered; None never
            answers, and a status of 0 refuses the connection.
        shown: What is there when the page is in this state.
        act: What a user does before.
    """

    answers: Mapping[str, tuple[int, Any] | None]
    shown: str
    act: Callable[[Page], None] | None = None
    fragment: str = ""


def open_failure(page: Page) -> None:
    """Open the details of the document that has failed."""
    page.locator(".dp-row[data-state=failed]").click()


def retry(page: Page) -> None:
    """Retry a document that needs a password."""
    page.get_by_role("button", name="Retry 2").click()


def send(page: Page) -> None:
    """Send files, of which the server refuses some."""
    page.locator("#files").set_input_files(
        [
            {"name": name, "mimeType": "application/pdf", "buffer": b"%PDF" * size}
            for name, size in (
                ("scans-2025.pdf", 900),
                ("video.pdf", 9),
                ("plan.pdf", 9),
            )
        ]
    )


def lose(page: Page) -> None:
    """Lose the server after the documents were listed."""
    page.locator(".dp-row").first.wait_for()
    page.unroute_all()
    page.route("**/*", lambda route: route.abort())
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


def sort(page: Page) -> None:
    """Select a few documents that are sorted by name."""
    page.get_by_role("columnheader", name="Document").click()
    for number in (1, 2):
        page.get_by_role("checkbox", name="Select ").nth(number).click()


LISTED = {"/documents?": (200, documents())}
WAITING = documents(
    DOCUMENTS[-2:], waiting={"run": "waiting for a worker; none is running"}
)

_STATES: Mapping[str, PageState] = {
    "page: asks for the token": PageState({"/": (401, {"detail": "no"})}, "#access"),
    "page: wrong token": PageState(
        {"/": (401, {"detail": "no"})}, "#refused", fragment="#token=wrong"
    ),
    "page: loading": PageState({"/documents?": None}, "#loading"),
    "page: no documents": PageState(
        {"/documents?": (200, documents([]))}, "#empty"
    ),
    "page: documents": PageState(LISTED, ".dp-row"),
    "page: older documents": PageState(
        {"/documents?": (200, documents(next="older"))}, "#more"
    ),
    "page: a document": PageState(
        LISTED | {"/progress/documents/": (200, HISTORY)},
        ".dp-panel tbody tr",
        open_failure,
    ),
    "page: password": PageState(LISTED, "#unlock-question", retry),
    "page: selection": PageState(LISTED, ".dp-footer .dp-bulk", sort),
    "page: one document": PageState(
        {"/documents?": (200, documents(DOCUMENTS[:1]))}, ".dp-current"
    ),
    "page: waiting": PageState({"/documents?": (200, WAITING)}, ".dp-outlook"),
    "page: uploads": PageState(
        LISTED | {"/documents/upload": None}, ".dp-outlook", send
    ),
    "page: refused uploads": PageState(
        {
            "/documents?": (200, documents([])),
            "/documents/upload": (415, {"detail": "a video, which cannot be read"}),
        },
        ".dp-row[data-state=failed]",
        send,
    ),
    "page: connection lost": PageState(LISTED, ".dp-problem", lose),
    "page: server gone": PageState({"/documents?": (0, None)}, "#problem"),
    "page: access denied": PageState(
        {"/documents?": (403, {"detail": "the ticket does not cover this"})},
        "#problem",
    ),
}  # fmt: skip


def open_state(state: PageState, browser: Browser) -> Page:
    """Open the page in a state."""
    page = browser.new_page(viewport={"width": 1232, "height": 640})
    page.route("**/*", lambda route: answer(route, state.answers))
    page.goto(f"{ADDRESS}/{state.fragment}")
    if state.act is not None:
        page.locator("#work").wait_for()
        state.act(page)
    page.locator(state.shown).first.wait_for()
    return page


def answer(route: Route, answers: Mapping[str, tuple[int, Any] | None]) -> None:
    """Answer as the server would: with its page, or with what is made up."""
    path = route.request.url.removeprefix(ADDRESS).partition("#")[0]
    if path == "/" or path.startswith("/frontend/"):
        file = DIST / (path.removeprefix("/frontend/").lstrip("/") or "index.html")
        route.fulfill(path=file, content_type=TYPES[file.suffix])
        return
    beginnings = [each for each in answers if path.startswith(each)]
    found = answers[max(beginnings, key=len)] if beginnings else None
    if found is None:
        return
    status, body = found
    if status:
        route.fulfill(
            status=status, content_type="application/json", body=json.dumps(body)
        )
    else:
        route.abort()


#: What opens the page in each of its states.
STATES: Mapping[str, Callable[[Browser], Page]] = {
    name: partial(open_state, state) for name, state in _STATES.items()
}
