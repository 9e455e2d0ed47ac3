import asyncio
import json
import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import Clock
from support.events import event
from support.patience import patient

from docprogress import Bus, Pipeline, ProgressEvent, ProgressView, Status
from docprogress.errors import BusError, RunNotFound
from docprogress.events import NO_TEXT, now
from docprogress.notebook.progress import table
from docprogress.notebook.progress.expressions import attach_expression
from docprogress.notebook.progress.page_requests import PageRequests
from docprogress.notebook.progress.source import DocumentsSource
from docprogress.notebook.progress.table_html import UNFOLDED_ROWS
from docprogress.notebook.progress.update_scheduler import (
    ACK_SECONDS,
    DELTA_GAP,
    HEARTBEAT,
    MOST_REPLIES,
    REPEATED_ROWS,
    SHORTEST_GAP,
    SLOW_SECONDS,
    UpdateScheduler,
)
from docprogress.notebook.progress.view_model import LONGEST_TEXT, ViewModel
from docprogress.progress.document import STALLED_SECONDS
from docprogress.settings import load

ROW_FIELDS = {
    "index",
    "id",
    "name",
    "status",
    "step",
    "progress",
    "message",
    "error",
    "attempt",
    "attempts",
    "current",
    "total",
    "unit",
    "worker",
    "elapsed",
    "stalled",
    "silent",
}
SUMMARY_FIELDS = {
    "title",
    "run_id",
    "case_id",
    "text",
    "total",
    "counts",
    "stalled",
    "fraction",
    "shares",
    "elapsed",
    "remaining",
    "documents_per_second",
    "pages_per_second",
    "pages",
    "steps",
    "finished",
    "connected",
    "lost_at",
    "actions",
    "rows",
    "loading",
}


class Page:
    """Keeps rows as a page does, and has everything that was sent to it."""

    def __init__(self, scheduler: UpdateScheduler, clock: Clock) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self.rows: dict[int, dict] = {}
        self.messages: list[tuple[float, dict]] = []

    def take(self) -> dict | None:
        message = self._scheduler.next_message()
        if message is None:
            return None
        json.dumps(message, allow_nan=False)
        self.messages.append((self._clock(), message))
        if message["type"] == "whole":
            self.rows.clear()
        for row in message.get("rows", ()):
            self.rows.setdefault(row["index"], {}).update(row)
        return message

    def paint(self) -> None:
        message = next(m for _, m in reversed(self.messages) if "seq" in m)
        self._scheduler.acknowledge(
            {"session": message["session"], "seq": message["seq"]}
        )

    def live(self, seconds: float, *, paints: bool = True) -> list[dict]:
        """Let time pass, and take what is sent in it."""
        end, first = self._clock.seconds + seconds, len(self.messages)
        while self._clock.seconds < end:
            if self.take() is not None and paints:
                self.paint()
            self._clock.seconds += 0.01
        return [message for _, message in self.messages[first:]]


def make_view_model(
    document_ids: Sequence[str], clock: Clock, names: dict[str, str] | None = None
) -> ViewModel:
    source = DocumentsSource(
        document_ids,
        names=names or {},
        redis_url="unix:///nowhere",
        pipeline=None,
        owned=False,
    )
    return ViewModel(source, clock=clock)


@pytest.fixture
def view_model(clock: Clock) -> ViewModel:
    return make_view_model(["a", "b", "c"], clock)


@pytest.fixture
def scheduler(view_model: ViewModel, clock: Clock) -> UpdateScheduler:
    return UpdateScheduler(view_model, clock=clock)


@pytest.fixture
def page(scheduler: UpdateScheduler, clock: Clock) -> Page:
    """A page that has the initial state."""
    page = Page(scheduler, clock)
    page.take()
    page.paint()
    clock.seconds += 1
    return page


def ending(document_id: str, status: Status = Status.COMPLETED, **fields):
    progress = 100 if status is Status.COMPLETED else 10
    return event(document_id, status=status, progress=progress, **fields)


def apply_events(
    scheduler: UpdateScheduler, view_model: ViewModel, *events: ProgressEvent
) -> None:
    scheduler.mark_changed(view_model.apply(events))


def test_a_row_has_every_field_of_the_contract(view_model):
    view_model.apply([event("a")])

    assert all(set(row) == ROW_FIELDS for row in view_model.rows())


def test_a_summary_has_every_field_of_the_contract(view_model):
    assert set(view_model.summary()) == SUMMARY_FIELDS


def test_named_documents_have_rows_before_any_event(view_model):
    rows = view_model.rows()

    assert [(row["id"], row["status"]) for row in rows] == [
        ("a", "queued"),
        ("b", "queued"),
        ("c", "queued"),
    ]
    assert view_model.summary()["text"] == "3 documents: 3 queued"


def test_a_given_name_is_shown_until_an_event_has_one(clock):
    view_model = make_view_model(["a"], clock, names={"a": "given.pdf"})
    view_model.apply([event("a")])
    given_name = view_model.rows()[0]["name"]

    view_model.apply([event("a", name="event.pdf", progress=20)])

    assert (given_name, view_model.rows()[0]["name"]) == ("given.pdf", "event.pdf")


def test_an_attempt_beyond_the_most_is_not_of_any_number(pipeline, samples):
    run = pipeline.submit(samples / "price-list.html")
    with ProgressView(run) as view:
        view_model = view._current()
        document_id = view_model.rows()[0]["id"]
        view_model.apply([event(document_id, attempt=2)])
        second = view_model.rows()[0]
        view_model.apply([event(document_id, attempt=4)])
        fourth = view_model.rows()[0]

    assert (second["attempt"], second["attempts"]) == (2, 3)
    assert (fourth["attempt"], fourth["attempts"]) == (4, None)


def test_the_steps_of_a_run_fill_its_bar(pipeline, samples):
    run = pipeline.submit(samples / "price-list.html")
    with ProgressView(run) as view:
        steps = view._current().summary()["steps"]

    assert [step["name"] for step in steps] == ["extraction", "chunking", "embedding"]
    assert [step["from"] for step in steps] == [0, *(s["to"] for s in steps[:-1])]
    assert steps[-1]["to"] == 100


def test_what_a_stranger_publishes_is_cut_and_can_be_sent(view_model):
    view_model.apply(
        [
            event(
                "a",
                message="m" * 100_000,
                step="s" * 100_000,
                name="\ud800" + "n" * 100_000,
                current=10**300,
                total=-5,
                unit="\udfff",
            )
        ]
    )

    row = view_model.rows()[0]

    assert max(len(row[name]) for name in ("message", "step", "name")) == LONGEST_TEXT
    assert (row["current"], row["total"]) == (None, None)
    json.dumps(view_model.rows()).encode()
    json.dumps(row, ensure_ascii=False).encode()


def test_nothing_is_stalled_while_redis_is_unavailable(view_model, clock):
    view_model.apply([event("a")])
    clock.seconds += STALLED_SECONDS
    silent = view_model.rows()[0]["stalled"], view_model.summary()["stalled"]
    view_model.lost_at = now()

    assert silent == (True, 1)
    assert (view_model.rows()[0]["stalled"], view_model.summary()["stalled"]) == (
        False,
        0,
    )
    assert not view_model.summary()["connected"]


def test_a_delta_has_only_what_has_changed(scheduler, view_model, page, clock):
    apply_events(scheduler, view_model, event("a", current=1, total=10))
    page.take()
    page.paint()
    clock.seconds += DELTA_GAP

    apply_events(scheduler, view_model, event("a", progress=20, current=2, total=10))

    assert page.take()["rows"] == [{"index": 0, "progress": 20, "current": 2}]


def test_a_slow_page_gets_one_update_a_second_until_it_has_painted(
    scheduler, view_model, page, clock
):
    clock.seconds += ACK_SECONDS
    apply_events(scheduler, view_model, event("a"))
    assert page.take()["ack"]
    clock.seconds += SLOW_SECONDS
    apply_events(scheduler, view_model, event("a", progress=15))
    assert page.take()["ack"], "the request may have been lost"
    apply_events(scheduler, view_model, event("a", progress=20))
    clock.seconds += DELTA_GAP * 2
    unpainted = page.take()
    page.paint()

    assert unpainted is None
    assert page.take()["rows"][0]["progress"] == 20


def test_a_page_gets_few_requests_for_acknowledgements(scheduler, view_model, page):
    """Each makes JupyterLab show the kernel as busy for a moment."""
    sent = []
    for number in range(2000):
        apply_events(scheduler, view_model, event("a", progress=number / 20.1))
        sent += page.live(0.01)

    assert len(sent) > 160
    assert sum(message["ack"] for message in sent) == 4


def test_a_page_that_never_answers_gets_one_update_a_second(
    scheduler, view_model, page, clock
):
    clock.seconds += ACK_SECONDS
    sent = []
    for number in range(500):
        apply_events(scheduler, view_model, event("a", progress=number / 10))
        sent += page.live(0.01, paints=False)

    assert 12 <= len(sent) <= 16, "ten in the first second, then one in each"
    assert page.rows[0]["progress"] > 49.9 - 100 * SLOW_SECONDS / 10


def test_ten_messages_a_second_are_the_most(scheduler, view_model, page):
    sent = []
    for number in range(1000):
        apply_events(scheduler, view_model, event("a", progress=number / 10.1))
        sent += page.live(0.01)

    assert 80 <= len(sent) <= 100


def test_no_second_ever_has_more_than_fifteen_messages(scheduler, view_model, page):
    for number in range(300):
        apply_events(scheduler, view_model, event("a", progress=number / 10))
        scheduler.queue_reply(
            {"type": "acted", "request": number, "ok": True, "text": ""}
        )
        scheduler.request_full()
        page.live(0.01)

    moments = [at for at, _ in page.messages]
    assert max(sum(m <= at < m + 1 for at in moments) for m in moments) <= 15


def test_the_end_is_sent_even_if_nothing_was_painted(
    scheduler, view_model, page, clock
):
    apply_events(scheduler, view_model, event("a"))
    page.take()
    apply_events(scheduler, view_model, *(ending(document_id) for document_id in "abc"))
    waited = scheduler.seconds_until_due()
    clock.seconds += SHORTEST_GAP

    message = page.take()

    assert waited <= SHORTEST_GAP
    assert message["summary"]["finished"]
    assert {row["status"] for row in page.rows.values()} == {"completed"}


def test_the_end_counts_as_delivered_once_it_is_painted(
    scheduler, view_model, page, clock
):
    apply_events(scheduler, view_model, *(ending(document_id) for document_id in "abc"))
    before = scheduler.end_delivered
    page.take()
    unpainted = scheduler.end_delivered
    page.paint()

    assert (before, unpainted, scheduler.end_delivered) == (False, False, True)


def test_an_end_that_is_never_painted_counts_as_delivered_after_a_while(
    scheduler, view_model, page, clock
):
    apply_events(scheduler, view_model, *(ending(document_id) for document_id in "abc"))
    page.take()
    clock.seconds += SLOW_SECONDS

    assert scheduler.end_delivered


def test_a_silent_view_beats_and_repeats_its_rows_in_full(clock):
    view_model = make_view_model([f"d{n:03}" for n in range(250)], clock)
    page = Page(UpdateScheduler(view_model, clock=clock), clock)

    messages = page.live(3 * HEARTBEAT + 0.1)

    gaps = [b - a for (a, _), (b, _) in pairwise(page.messages)]
    assert max(gaps) <= HEARTBEAT + 0.1
    assert [len(message["rows"]) for message in messages[:3]] == [
        REPEATED_ROWS,
        REPEATED_ROWS,
        50,
    ]
    assert len(page.rows) == 250
    assert all(set(row) == ROW_FIELDS for row in page.rows.values())


def test_a_page_that_missed_messages_heals_by_itself(
    scheduler, view_model, page, clock
):
    apply_events(scheduler, view_model, event("a", progress=50))
    scheduler.next_message()  # this one is lost

    page.live(HEARTBEAT + 0.1)

    assert page.rows[0]["progress"] == 50


def test_a_page_that_requests_everything_gets_it(scheduler, view_model, page, clock):
    apply_events(scheduler, view_model, event("b", progress=50))
    scheduler.request_full()

    message = page.take()

    assert message["type"] == "whole"
    assert [set(row) for row in message["rows"]] == [ROW_FIELDS] * 3
    assert message["rows"][1]["progress"] == 50


def test_messages_are_numbered_without_a_gap(scheduler, view_model, page):
    for number in range(50):
        apply_events(scheduler, view_model, event("a", progress=number))
        page.live(0.1)

    numbers = [message["seq"] for _, message in page.messages]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_painting_of_another_session_is_ignored(scheduler, view_model, page, clock):
    clock.seconds += ACK_SECONDS
    apply_events(scheduler, view_model, event("a"))
    message = page.take()
    scheduler.acknowledge({"session": "another", "seq": message["seq"]})
    clock.seconds += SLOW_SECONDS
    apply_events(scheduler, view_model, event("a", progress=20))
    page.take()
    apply_events(scheduler, view_model, event("a", progress=30))
    clock.seconds += DELTA_GAP * 2

    assert page.take() is None


def test_what_the_page_computes_itself_is_not_sent(scheduler, view_model, page, clock):
    apply_events(scheduler, view_model, event("a"))
    page.take()
    page.paint()
    clock.seconds += 0.8

    apply_events(scheduler, view_model, event("a", progress=20))

    assert page.take()["rows"] == [{"index": 0, "progress": 20}]


def test_a_snapshot_continues_with_the_next_message(scheduler, view_model, page, clock):
    apply_events(scheduler, view_model, event("a"))
    snapshot = scheduler.snapshot()
    message = page.take()

    assert snapshot["session"] == message["session"]
    assert snapshot["seq"] == message["seq"] - 1
    assert snapshot["rows"][0]["status"] == "processing"


def test_pages_find_what_lies_beyond_the_texts_of_their_rows(view_model):
    error = f"the store: {'x' * 2 * LONGEST_TEXT} and Far Below"
    view_model.apply([event("a", status="failed", error=error), event("b")])
    replies: list[dict] = []
    source = DocumentsSource(
        ["a"], names={}, redis_url="unix:///nowhere", pipeline=None, owned=False
    )

    async def ask(*messages: dict) -> None:
        requests = PageRequests(source, view_model, replies.append)
        for number, message in enumerate(messages, 1):
            requests.submit(message | {"request": number, "page": "p"})
        async with asyncio.timeout(patient(10)):
            while requests.pending:
                await asyncio.sleep(0.01)

    search = {"type": "search", "query": "below FAR"}
    asyncio.run(ask(search, {"type": "errors", "ids": ["a", "b", 7]}))

    assert len(view_model.rows([0])[0]["error"]) == LONGEST_TEXT
    assert sorted(replies, key=lambda reply: reply["request"]) == [
        {"type": "found", "ids": ["a"], "request": 1, "page": "p"},
        {"type": "errors", "errors": {"a": error}, "request": 2, "page": "p"},
    ]


def test_only_replies_to_open_requests_are_kept(scheduler, page):
    for number in range(MOST_REPLIES * 2):
        scheduler.queue_reply(
            {"type": "acted", "request": number, "ok": True, "text": ""}
        )

    replies = [m for m in page.live(20) if m["type"] == "acted"]

    assert len(replies) == MOST_REPLIES
    assert replies[-1]["request"] == MOST_REPLIES * 2 - 1


class _Tags(HTMLParser):
    """What of a page is markup, and what is text."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.text = ""

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def parsed(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


@given(name=st.text(max_size=50), error=st.text(max_size=400))
def test_html_holds_the_texts_of_strangers_as_text(name, error):
    view_model = make_view_model(["a"], Clock())
    try:
        hostile = event("a", status=Status.FAILED, name=f"<b>{name}", error=f"&{error}")
    except UnicodeError:
        return
    view_model.apply([hostile])

    tags = parsed(table.bundle(view_model)["text/html"])

    assert tags.tags <= {
        "div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "bdi",
        "br", "small", "details", "summary", "em", "span", "code",
    }  # fmt: skip
    assert tags.attributes == {"align", "style"}
    assert "<b>" in tags.text


def test_tables_are_bounded_and_failures_come_first(clock):
    view_model = make_view_model([f"d{n:05}" for n in range(10_000)], clock)
    view_model.apply([ending("d09999", Status.FAILED, error="it is broken")])

    shown = table.bundle(view_model)
    above, folded = shown["text/html"].split("<details>")

    assert len(shown["text/plain"].splitlines()) == table.MOST_LINES + 3
    assert shown["text/plain"].splitlines()[1].startswith("d09999  failed")
    assert above.count("<tr>") == UNFOLDED_ROWS + 1
    assert folded.count("<tr>") == table.MOST_ROWS - UNFOLDED_ROWS + 1
    assert "150 more documents: 150 queued" in folded
    assert "It is broken" in above
    for text in shown.values():
        assert "9,8" in text or "9,9" in text
    assert len(shown["text/html"]) < 200_000


def test_failures_come_first_also_among_few_and_then_what_has_no_text(clock):
    view_model = make_view_model(["a", "b", "c", "d"], clock)
    scan = f"Completed: 1 page, 0 chunks; {NO_TEXT}"
    view_model.apply(
        [
            ending("a", message="Completed: 2 pages, 3 chunks"),
            ending("b", message=scan),
            ending("c", Status.CANCELLED),
            ending("d", Status.FAILED, name="d.pdf", error="d.pdf: it is broken"),
        ]
    )

    shown = table.bundle(view_model)

    assert shown["text/plain"].splitlines()[1:] == [
        "d.pdf  failed      it is broken",
        "c      cancelled   10 % extraction",
        "b      completed   no text",
        "a      completed",
    ]
    text = parsed(shown["text/html"]).text
    assert text.index("It is broken") < text.index("⊘")
    assert "No text" in text
    assert "100" not in text


def test_a_table_of_unfinished_documents_says_when_it_was_true_and_how_to_attach(clock):
    view_model = make_view_model(["a"], clock)

    before = table.bundle(view_model)
    view_model.apply([ending("a")])
    after = table.bundle(view_model)

    for text in before.values():
        assert re.search(r"As of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC", text)
    attach = 'ProgressView.watch("a", redis_url=…)'
    assert attach in before["text/plain"]
    assert attach in parsed(before["text/html"]).text
    for text in after.values():
        assert "As of" not in text
        assert "ProgressView" not in text


def test_a_table_has_pages_chunks_duration_and_attempts(pipeline, samples):
    run = pipeline.submit(samples / "services-agreement.pdf").wait(patient(60))

    with ProgressView(run) as view:
        tags = parsed(view.static_bundle()["text/html"])

    assert "DocumentStatusPagesChunksDurationAttempts" in tags.text
    duration = r"(<\s)?[\d.]+\s(s|min|min\s\d+\ss)"
    assert re.search(rf"services-agreement.pdf✓\scompleted418{duration}1", tags.text)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "< 0.1 s"),
        (0.049, "< 0.1 s"),
        (0.05, "0.1 s"),
        (12.34, "12.3 s"),
        (60, "1 min"),
        (65, "1 min 5 s"),
        (7200, "2 h"),
        (90_000, "1 d 1 h"),
    ],
)
def test_no_duration_in_a_table_is_broken_into_lines(clock, seconds, shown):
    view_model = make_view_model(["a"], clock)
    end = now()
    view_model.apply(
        [
            event("a", timestamp=end - timedelta(seconds=seconds)),
            ending("a", timestamp=end, message="Completed"),
        ]
    )

    text = parsed(table.bundle(view_model)["text/html"]).text

    assert shown.replace(" ", "\xa0") in text
    assert not re.search(r"\d (s|min|h|d)\b", text)


def test_how_to_attach_names_the_place_and_no_secret(pipeline, tmp_path):
    expression = attach_expression("run-1", pipeline.settings)
    secret = load(
        home=tmp_path,
        redis_url="redis://:secret@host",
        database_url="postgresql://me:secret@host/db",
        storage_url="s3://bucket",
    )

    home = str(pipeline.settings.home)
    assert expression == f'ProgressView.attach("run-1", home="{home}")'
    assert attach_expression("run-1", load()) == 'ProgressView.attach("run-1")'
    assert attach_expression("run-1", secret) == (
        f'ProgressView.attach("run-1", home="{tmp_path}", redis_url=…, '
        "database_url=…, storage_url=…)"
    )


def test_a_long_error_is_folded_and_whole(clock):
    view_model = make_view_model(["a"], clock)
    error = "The cause: " + "x" * 280
    view_model.apply([ending("a", Status.FAILED, error=error)])

    tags = parsed(table.bundle(view_model)["text/html"])

    assert "details" in tags.tags
    assert error in tags.text


def test_no_percentage_rounds_up_to_the_end_that_was_not_reached(clock):
    view_model = make_view_model(["a", "b"], clock)
    view_model.apply(
        [
            event("a", status=Status.CANCELLED, progress=99.999),
            event("b", status=Status.PROCESSING, progress=99.999),
        ]
    )

    found = table.bundle(view_model)

    assert "99 %" in found["text/plain"]
    assert "100 %" not in found["text/plain"] + found["text/html"]


def test_the_text_is_the_same_whenever_it_went_the_same_way():
    texts = set()
    for seconds in (0.0, 100.0):
        clock = Clock()
        view_model = make_view_model(["a", "b"], clock)
        moment = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=seconds)
        view_model.apply([event("a", timestamp=moment, worker=str(seconds))])
        clock.seconds += seconds
        view_model.apply([ending("a", timestamp=moment, message=f"in {seconds} s")])
        failed = ending("b", Status.FAILED, error="no", timestamp=moment)
        view_model.apply([failed])
        texts.add(table.text(view_model))

    lines = ["2 documents: 1 completed, 1 failed", "b  failed      no", "a  completed"]
    assert texts == {"\n".join(lines)}


@pytest.fixture
def view(redis_url: str) -> Iterator[ProgressView]:
    with ProgressView.watch("a", "b", redis_url=redis_url) as view:
        yield view


def test_a_view_says_its_summary_and_no_address(view):
    assert repr(view) == view.summary() == "2 documents: 2 queued\na  queued\nb  queued"


def test_a_closed_view_still_says_what_it_saw_last(view):
    before = view.summary()
    view.close()
    view.close()

    assert view.summary() == before
    assert table.CLOSED in view._repr_html_()


def test_a_view_of_documents_is_waited_for(bus: Bus, view):
    with pytest.raises(TimeoutError, match="2 documents unfinished after 0"):
        view.wait(timeout=0)

    bus.publish(ending("a", Status.COMPLETED))
    bus.publish(ending("b", Status.FAILED, error="no"))

    assert view.wait(timeout=patient(30)).summary() == (
        "2 documents: 1 completed, 1 failed\nb  failed      no\na  completed"
    )


def test_views_of_runs_and_documents_agree(pipeline: Pipeline, samples):
    run = pipeline.submit([samples / "price-list.html", samples / "welcome-letter.pdf"])
    run.wait(timeout=patient(60))
    ids = [row.id for row in run.documents()]

    with (
        ProgressView(run) as whole,
        ProgressView.watch(*ids, pipeline=pipeline) as some,
    ):
        assert whole.summary() == some.summary()
        assert whole.summary().startswith("2 documents: 2 completed\n")
        assert run._repr_html_() == some._repr_html_()


def test_a_view_attaches_to_a_run_by_its_id(pipeline: Pipeline, shared_home, samples):
    run = pipeline.submit(samples / "price-list.html")
    run.wait(timeout=patient(60))

    with ProgressView.attach(run.id, home=shared_home) as view:
        assert "price-list.html  completed" in view.summary()
    with pytest.raises(RunNotFound):
        ProgressView.attach("nothing", home=shared_home)


@pytest.mark.parametrize(
    ("ids", "options", "complaint"),
    [
        ((), {}, "at least one"),
        ((["a", "b"],), {"redis_url": "unix:///nowhere"}, "strings"),
        (("",), {"redis_url": "unix:///nowhere"}, "strings"),
        (("a",), {"redis_url": "unix:///nowhere", "pipeline": 1}, "not both"),
    ],
)
def test_what_cannot_be_watched_is_refused(ids, options, complaint):
    with pytest.raises(TypeError, match=complaint):
        ProgressView.watch(*ids, **options)


def test_a_url_that_cannot_be_used_is_refused_without_its_password():
    with pytest.raises(BusError) as caught:
        ProgressView.watch("a", redis_url="nonsense://me:secret@host")

    assert "secret" not in str(caught.value)


def test_details_contain_steps_history_and_the_whole_error(bus: Bus, redis_url, clock):
    source = DocumentsSource(
        ["a"], names={}, redis_url=redis_url, pipeline=None, owned=False
    )
    view_model = ViewModel(source)
    events = [event("a"), ending("a", Status.FAILED, error="because " + "x" * 1000)]
    for each in events:
        bus.publish(each)
    view_model.apply(events)

    details = view_model.details("a")
    source.close()

    assert [each["status"] for each in details["history"]] == ["processing", "failed"]
    assert len(details["row"]["error"]) == 1008
    assert details["problem"] is None


def test_details_say_that_redis_is_unavailable(clock):
    view_model = make_view_model(["a"], clock)
    view_model.apply([event("a")])

    details = view_model.details("a")

    assert details["history"] == []
    assert "Redis cannot be reached" in details["problem"]


def test_what_a_synchronization_found_is_above_its_documents(pipeline, tmp_path):
    folder = tmp_path / "contracts"
    folder.mkdir()
    (folder / "a.txt").write_text("The first version.")
    (folder / "b.txt").write_text("Another file.")
    pipeline.sync(folder, case_id="view of a folder").wait(patient(60))
    (folder / "a.txt").write_text("The second version, longer.")
    run = pipeline.sync(folder, case_id="view of a folder").wait(patient(60))
    unchanged = pipeline.sync(folder, case_id="view of a folder")

    view = ProgressView(run)
    assert view.summary().splitlines()[:2] == [
        "1 changed, 1 unchanged",
        "1 document: 1 completed",
    ]
    assert "<p>1 changed, 1 unchanged</p>" in view.static_bundle()["text/html"]
    with ProgressView.attach(run.id, home=pipeline.settings.home) as again:
        assert again.summary() == view.summary()
    with ProgressView(unchanged) as nothing:
        assert nothing.finished
        assert nothing.summary().splitlines()[0] == "2 unchanged"
    view.close()
