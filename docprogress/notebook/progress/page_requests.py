"""Answers the requests of a page: details, searches, full errors, actions."""

import asyncio
import logging
from collections.abc import Callable

from docprogress.errors import DocProgressError
from docprogress.formatting import plural
from docprogress.notebook.progress.source import Source
from docprogress.notebook.progress.update_scheduler import Message
from docprogress.notebook.progress.view_model import ViewModel
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: Requests that are worked on at the same time, and the most that may be pending.
CONCURRENT_REQUESTS = 2
MOST_REQUESTS = 50

#: The answer to an action that applies to no document.
NOTHING = "There is nothing to do"


class PageRequests:
    """The requests of pages, answered off the event loop.

    Args:
        source: What performs actions.
        view_model: Has the details.
        reply: Called with each answer, on the event loop.
    """

    def __init__(
        self, source: Source, view_model: ViewModel, reply: Callable[[Message], None]
    ) -> None:
        self._source = source
        self._view_model = view_model
        self._reply = reply
        self._slots = asyncio.Semaphore(CONCURRENT_REQUESTS)
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def pending(self) -> bool:
        """Whether an answer is still to be sent."""
        return bool(self._tasks)

    def submit(self, message: Message) -> None:
        """Answer a request, which may take long; too many are ignored."""
        if len(self._tasks) < MOST_REQUESTS:
            task = asyncio.ensure_future(self._answer(message))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _answer(self, message: Message) -> None:
        handlers = {
            "details": self._details,
            "search": self._search,
            "errors": self._errors,
        }
        handle = handlers.get(message["type"], self._act)
        async with self._slots:
            self._reply(await asyncio.to_thread(handle, message))

    def _details(self, message: Message) -> Message:
        document_id = message.get("id")
        try:
            return self._view_model.details(str(document_id))
        except Exception as error:  # noqa: BLE001 - every failure is answered
            return {"type": "details", "id": document_id, "problem": error_text(error)}

    def _search(self, message: Message) -> Message:
        """The documents in whose texts words occur: a page has parts of them."""
        found = self._view_model.search(str(message.get("query", "")))
        return _answer_to(message) | {"type": "found", "ids": found}

    def _errors(self, message: Message) -> Message:
        ids = message.get("ids")
        wanted = [each for each in ids if isinstance(each, str)] if ids else []
        errors = self._view_model.errors(wanted)
        return _answer_to(message) | {"type": "errors", "errors": errors}

    def _act(self, message: Message) -> Message:
        ok = True
        try:
            text = self._perform(message)
        except Exception as error:  # noqa: BLE001 - every failure is answered
            ok, text = False, error_text(error)
        return _answer_to(message) | {"type": "acted", "ok": ok, "text": text}

    def _perform(self, message: Message) -> str:
        ids, known = message.get("ids"), self._view_model.ids
        if ids is not None:
            ids = [each for each in ids if isinstance(each, str) and each in known]
        if message["type"] == "cancel":
            count = self._source.cancel(ids)
            return f"{plural(count, 'document')} cancelled" if count else NOTHING
        count = self._source.retry(ids)
        return f"{plural(count, 'document')} retried" if count else NOTHING


def _answer_to(message: Message) -> Message:
    # Each page numbers its requests from 1, so the answer names the page too.
    return {
        name: message[name]
        for name in ("request", "page")
        if message.get(name) is not None
    }


def error_text(error: Exception) -> str:
    """The message of an error for a page, without secrets."""
    if isinstance(error, DocProgressError):
        return redacted(str(error))
    log.error("a page's request failed", exc_info=error)
    return f"{type(error).__name__}: {redacted(str(error))}"
