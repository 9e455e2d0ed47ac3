import json
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
from docprogress.events import now
from docprogress.notebook.progress import table
from docprogress.notebook.progress.source import DocumentsSource
from docprogress.notebook.progress.update_scheduler import (
    ASK_SECONDS,
    DELTA_GAP,
    HEARTBEAT,
    MOST_REPLIES,
    PATIENCE,
    REPEATED,
    SHORTEST_GAP,
    UpdateScheduler,
)
from docprogress.notebook.progress.view_model import LONGEST_TEXT, ViewModel
from docprogress.progress.document import STALLED_SECONDS

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

    def __init__(self, outbox: UpdateScheduler, clock: Clock) -> None:
        self._outbox = outbox
        self._clock = clock
        self.rows: dict[int, dict] = {}
        self.messages: list[tuple[float, dict]] = []

    def take(self) -> dict | None:
        message = self._outbox.next()
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
        self._outbox.painted({"session": message["session"], "seq": message["seq"]})

    def live(self, seconds: float, *, paints: bool = True) -> list[dict]:
        """Let time pass, and take what is sent in it."""
        end, first = self._clock.seconds + seconds, len(self.messages)
        while self._clock.seconds < end:
            if self.take() is not None and paints:
                self.paint()
            self._clock.seconds += 0.01
        return [message for _, message in self.messages[first:]]


def picture_of(
    document_ids: Sequence[str], clock: Clock, names: dict[str, str] | None = None
) -> ViewModel:
    watched = DocumentsSource(
        document_ids,
        names=names or {},
        redis_url="unix:///nowhere",
        pipeline=None,
        owned=False,
    )
    return ViewModel(watched, clock=clock)


@pytest.fixture
def picture(clock: Clock) -> ViewModel:
    return picture_of(["a", "b", "c"], clock)


@pytest.fixture
def outbox(picture: ViewModel, clock: Clock) -> UpdateScheduler:
    return UpdateScheduler(picture, clock=clock)


@pytest.fixture
def page(outbox: UpdateScheduler, clock: Clock) -> Page:
    """A page that has been told what there was in the beginning."""
    page = Page(outbox, clock)
    page.take()
    page.paint()
    clock.seconds += 1
    return page


def ending(document_id: str, status: Status = Status.COMPLETED, **fields):
    progress = 100 if status is Status.COMPLETED else 10
    return event(document_id, status=status, progress=progress, **fields)


def tell(outbox: UpdateScheduler, picture: ViewModel, *events: ProgressEvent) -> None:
    outbox.change(picture.apply(events))


def test_a_row_has_every_field_of_the_contract(picture):
    picture.apply([event("a")])

    assert all(set(row) == ROW_FIELDS for row in picture.rows())


def test_a_summary_has_every_field_of_the_contract(picture):
    assert set(picture.summary()) == SUMMARY_FIELDS


def test_named_documents_have_rows_before_anything_is_heard(picture):
    rows = picture.rows()

    assert [(row["id"], row["status"]) for row in rows] == [
        ("a", "queued"),
        ("b", "queued"),
        ("c", "queued"),
    ]
    assert picture.summary()["text"] == "3 documents: 3 queued"


def test_a_name_that_was_given_stands_until_an_event_tells_one(clock):
    picture = picture_of(["a"], clock, names={"a": "given.pdf"})
    picture.apply([event("a")])
    given_name = picture.rows()[0]["name"]

    picture.apply([event("a", name="told.pdf", progress=20)])

    assert (given_name, picture.rows()[0]["name"]) == ("given.pdf", "told.pdf")


def test_an_attempt_beyond_the_most_is_not_of_any_number(pipeline, samples):
    run = pipeline.submit(samples / "price-list.html")
    with ProgressView(run) as view:
        picture = view._picture()
        document_id = picture.rows()[0]["id"]
        picture.apply([event(document_id, attempt=2)])
        second = picture.rows()[0]
        picture.apply([event(document_id, attempt=4)])
        fourth = picture.rows()[0]

    assert (second["attempt"], second["attempts"]) == (2, 3)
    assert (fourth["attempt"], fourth["attempts"]) == (4, None)


def test_the_steps_of_a_run_fill_its_bar(pipeline, samples):
    run = pipeline.submit(samples / "price-list.html")
    with ProgressView(run) as view:
        steps = view._picture().summary()["steps"]

    assert [step["name"] for step in steps] == ["extraction", "chunking", "embedding"]
    assert [step["from"] for step in steps] == [0, *(s["to"] for s in steps[:-1])]
    assert steps[-1]["to"] == 100


def test_what_a_stranger_publishes_is_cut_and_can_be_sent(picture):
    picture.apply(
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

    row = picture.rows()[0]

    assert max(len(row[name]) for name in ("message", "step", "name")) == LONGEST_TEXT
    assert (row["current"], row["total"]) == (None, None)
    json.dumps(picture.rows()).encode()
    json.dumps(row, ensure_ascii=False).encode()


def test_nothing_is_stalled_while_redis_is_away(picture, clock):
    picture.apply([event("a")])
    clock.seconds += STALLED_SECONDS
    silent = picture.rows()[0]["stalled"], picture.summary()["stalled"]
    picture.lost_at = now()

    assert silent == (True, 1)
    assert (picture.rows()[0]["stalled"], picture.summary()["stalled"]) == (False, 0)
    assert not picture.summary()["connected"]


def test_a_delta_has_only_what_has_changed(outbox, picture, page, clock):
    tell(outbox, picture, event("a", current=1, total=10))
    page.take()
    page.paint()
    clock.seconds += DELTA_GAP

    tell(outbox, picture, event("a", progress=20, current=2, total=10))

    assert page.take()["rows"] == [{"index": 0, "progress": 20, "current": 2}]


def test_a_page_that_is_slow_is_told_once_a_second_until_it_has_painted(
    outbox, picture, page, clock
):
    clock.seconds += ASK_SECONDS
    tell(outbox, picture, event("a"))
    assert page.take()["ack"]
    clock.seconds += PATIENCE
    tell(outbox, picture, event("a", progress=15))
    assert page.take()["ack"], "it may not have heard that it was asked"
    tell(outbox, picture, event("a", progress=20))
    clock.seconds += DELTA_GAP * 2
    unpainted = page.take()
    page.paint()

    assert unpainted is None
    assert page.take()["rows"][0]["progress"] == 20


def test_a_page_is_asked_for_few_acknowledgements(outbox, picture, page):
    """Each makes JupyterLab show the kernel as busy for a moment."""
    sent = []
    for number in range(2000):
        tell(outbox, picture, event("a", progress=number / 20.1))
        sent += page.live(0.01)

    assert len(sent) > 160
    assert sum(message["ack"] for message in sent) == 4


def test_a_page_that_never_answers_is_told_once_a_second(outbox, picture, page, clock):
    clock.seconds += ASK_SECONDS
    sent = []
    for number in range(500):
        tell(outbox, picture, event("a", progress=number / 10))
        sent += page.live(0.01, paints=False)

    assert 12 <= len(sent) <= 16, "ten in the first second, then one in each"
    assert page.rows[0]["progress"] > 49.9 - 100 * PATIENCE / 10


def test_ten_messages_a_second_are_the_most(outbox, picture, page):
    sent = []
    for number in range(1000):
        tell(outbox, picture, event("a", progress=number / 10.1))
        sent += page.live(0.01)

    assert 80 <= len(sent) <= 100


def test_no_second_ever_has_more_than_fifteen_messages(outbox, picture, page):
    for number in range(300):
        tell(outbox, picture, event("a", progress=number / 10))
        outbox.reply({"type": "acted", "request": number, "ok": True, "text": ""})
        outbox.ask_whole()
        page.live(0.01)

    moments = [at for at, _ in page.messages]
    assert max(sum(m <= at < m + 1 for at in moments) for m in moments) <= 15


def test_the_end_is_told_though_nothing_was_painted(outbox, picture, page, clock):
    tell(outbox, picture, event("a"))
    page.take()
    tell(outbox, picture, *(ending(document_id) for document_id in "abc"))
    waited = outbox.wait()
    clock.seconds += SHORTEST_GAP

    message = page.take()

    assert waited <= SHORTEST_GAP
    assert message["summary"]["finished"]
    assert {row["status"] for row in page.rows.values()} == {"completed"}


def test_the_end_counts_as_told_once_it_is_painted(outbox, picture, page, clock):
    tell(outbox, picture, *(ending(document_id) for document_id in "abc"))
    before = outbox.end_told
    page.take()
    unpainted = outbox.end_told
    page.paint()

    assert (before, unpainted, outbox.end_told) == (False, False, True)


def test_an_end_that_nobody_paints_counts_as_told_in_time(outbox, picture, page, clock):
    tell(outbox, picture, *(ending(document_id) for document_id in "abc"))
    page.take()
    clock.seconds += PATIENCE

    assert outbox.end_told


def test_a_silent_view_beats_and_repeats_its_rows_in_full(clock):
    picture = picture_of([f"d{n:03}" for n in range(250)], clock)
    page = Page(UpdateScheduler(picture, clock=clock), clock)

    messages = page.live(3 * HEARTBEAT + 0.1)

    gaps = [b - a for (a, _), (b, _) in pairwise(page.messages)]
    assert max(gaps) <= HEARTBEAT + 0.1
    assert [len(message["rows"]) for message in messages[:3]] == [
        REPEATED,
        REPEATED,
        50,
    ]
    assert len(page.rows) == 250
    assert all(set(row) == ROW_FIELDS for row in page.rows.values())


def test_a_page_that_missed_messages_heals_by_itself(outbox, picture, page, clock):
    tell(outbox, picture, event("a", progress=50))
    outbox.next()  # this one is lost

    page.live(HEARTBEAT + 0.1)

    assert page.rows[0]["progress"] == 50


def test_who_asks_for_the_whole_is_told_everything(outbox, picture, page, clock):
    tell(outbox, picture, event("b", progress=50))
    outbox.ask_whole()

    message = page.take()

    assert message["type"] == "whole"
    assert [set(row) for row in message["rows"]] == [ROW_FIELDS] * 3
    assert message["rows"][1]["progress"] == 50


def test_messages_are_numbered_without_a_gap(outbox, picture, page):
    for number in range(50):
        tell(outbox, picture, event("a", progress=number))
        page.live(0.1)

    numbers = [message["seq"] for _, message in page.messages]
    assert numbers == list(range(1, len(numbers) + 1))


def test_a_painting_of_another_session_is_none_of_ours(outbox, picture, page, clock):
    clock.seconds += ASK_SECONDS
    tell(outbox, picture, event("a"))
    message = page.take()
    outbox.painted({"session": "another", "seq": message["seq"]})
    clock.seconds += PATIENCE
    tell(outbox, picture, event("a", progress=20))
    page.take()
    tell(outbox, picture, event("a", progress=30))
    clock.seconds += DELTA_GAP * 2

    assert page.take() is None


def test_what_the_page_counts_by_itself_is_not_told(outbox, picture, page, clock):
    tell(outbox, picture, event("a"))
    page.take()
    page.paint()
    clock.seconds += 0.8

    tell(outbox, picture, event("a", progress=20))

    assert page.take()["rows"] == [{"index": 0, "progress": 20}]


def test_a_snapshot_continues_with_the_next_message(outbox, picture, page, clock):
    tell(outbox, picture, event("a"))
    snapshot = outbox.snapshot()
    message = page.take()

    assert snapshot["session"] == message["session"]
    assert snapshot["seq"] == message["seq"] - 1
    assert snapshot["rows"][0]["status"] == "processing"


def test_replies_are_kept_only_as_far_as_anybody_waits(outbox, page):
    for number in range(MOST_REPLIES * 2):
        outbox.reply({"type": "acted", "request": number, "ok": True, "text": ""})

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
    picture = picture_of(["a"], Clock())
    try:
        hostile = event("a", status=Status.FAILED, name=f"<b>{name}", error=f"&{error}")
    except UnicodeError:
        return
    picture.apply([hostile])

    tags = parsed(table.bundle(picture)["text/html"])

    assert tags.tags <= {
        "div", "p", "strong", "table", "thead", "tbody", "tr", "th", "td", "bdi",
        "br", "small", "details", "summary", "em",
    }  # fmt: skip
    assert tags.attributes == {"style"}
    assert "<b>" in tags.text


def test_tables_are_bounded_and_failures_come_first(clock):
    picture = picture_of([f"d{n:05}" for n in range(10_000)], clock)
    picture.apply([ending("d09999", Status.FAILED, error="it is broken")])

    shown = table.bundle(picture)

    assert len(shown["text/plain"].splitlines()) == table.MOST_LINES + 2
    assert shown["text/html"].count("<tr>") == table.MOST_ROWS + 1
    for text in shown.values():
        assert "it is broken" in text
        assert "9,8" in text or "9,9" in text
    assert len(shown["text/html"]) < 200_000


def test_a_long_error_is_folded_and_whole(clock):
    picture = picture_of(["a"], clock)
    error = "the cause: " + "x" * 280
    picture.apply([ending("a", Status.FAILED, error=error)])

    tags = parsed(table.bundle(picture)["text/html"])

    assert "details" in tags.tags
    assert error in tags.text


def test_no_percentage_rounds_up_to_the_end_that_was_not_reached(clock):
    picture = picture_of(["a", "b"], clock)
    picture.apply(
        [
            event("a", status=Status.CANCELLED, progress=99.999),
            event("b", status=Status.PROCESSING, progress=99.999),
        ]
    )

    found = table.bundle(picture)

    assert "99 %" in found["text/plain"]
    assert "100 %" not in found["text/plain"] + found["text/html"]


def test_the_text_is_the_same_whenever_it_went_the_same_way():
    texts = set()
    for seconds in (0.0, 100.0):
        clock = Clock()
        picture = picture_of(["a", "b"], clock)
        moment = datetime(2026, 1, 2, tzinfo=UTC) + timedelta(seconds=seconds)
        picture.apply([event("a", timestamp=moment, worker=str(seconds))])
        clock.seconds += seconds
        picture.apply([ending("a", timestamp=moment, message=f"in {seconds} s")])
        failed = ending("b", Status.FAILED, error="no", timestamp=moment)
        picture.apply([failed])
        texts.add(table.text(picture))

    lines = ["2 documents: 1 completed, 1 failed", "a  completed", "b  failed      no"]
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
        "2 documents: 1 completed, 1 failed\na  completed\nb  failed      no"
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


def test_details_tell_steps_history_and_the_whole_error(bus: Bus, redis_url, clock):
    watched = DocumentsSource(
        ["a"], names={}, redis_url=redis_url, pipeline=None, owned=False
    )
    picture = ViewModel(watched)
    events = [event("a"), ending("a", Status.FAILED, error="because " + "x" * 1000)]
    for each in events:
        bus.publish(each)
    picture.apply(events)

    details = picture.details("a")
    watched.close()

    assert [each["status"] for each in details["history"]] == ["processing", "failed"]
    assert len(details["row"]["error"]) == 1008
    assert details["problem"] is None


def test_details_say_that_redis_is_away(clock):
    picture = picture_of(["a"], clock)
    picture.apply([event("a")])

    details = picture.details("a")

    assert details["history"] == []
    assert "Redis cannot be reached" in details["problem"]
