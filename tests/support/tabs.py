"""Drive a page of the server in a browser tab."""

from collections.abc import Iterator
from contextlib import contextmanager

from playwright.sync_api import Browser, Page
from support.web import TOKEN

from docprogress.events import ProgressEvent, Status, now

#: Start `watch` in a page, and keep what it delivers.
FOLLOW = """
async ([ids, token]) => {
  const {watch} = await import("./frontend/document-progress.js");
  window.events = [];
  window.connections = [];
  window.errors = [];
  window.stop = watch(ids, {
    token,
    url: new URL(".", location.href).href.slice(0, -1),
    onChange: event => window.events.push(event),
    onConnection: connection => connections.push(connection),
    onError: error => errors.push(error.message),
  });
}
"""


@contextmanager
def opened(browser: Browser) -> Iterator[Page]:
    """Open a tab; its errors are kept in its `complaints`."""
    with browser.new_context(viewport={"width": 1100, "height": 900}) as context:
        page = context.new_page()
        page.complaints = []
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on(
            "console",
            lambda message: (
                message.type == "error" and page.complaints.append(message.text)
            ),
        )
        yield page


def open_page(tab, web, query=""):
    tab.goto(f"{web.url}/{query}#token={TOKEN}")
    tab.wait_for_selector("#drop")


def follow(tab, *ids, token=TOKEN):
    tab.evaluate(FOLLOW, [list(ids), token])


def publish(bus, document_id="a", progress=10.0, **changes):
    fields = {
        "document_id": document_id,
        "status": Status.COMPLETED if progress == 100 else Status.PROCESSING,
        "step": "extraction",
        "progress": float(progress),
        "message": f"Extracting: {progress} %",
        "timestamp": now(),
    }
    bus.publish(ProgressEvent(**(fields | changes)))


def shown_progress(tab):
    return tab.evaluate("() => events.map(event => event.progress)")


def wait_for(tab, expression):
    tab.wait_for_function(f"() => {expression}")


def look(tab):
    """Make the page do its periodic check at once."""
    tab.evaluate("() => document.dispatchEvent(new Event('visibilitychange'))")


def network_only(complaints):
    """Only the browser itself reports connections that fail."""
    return all("Failed to load resource" in message for message in complaints)
