import io
import random
import re
import unicodedata
from collections import Counter
from datetime import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from rich.console import Console
from support.events import event_at

from docprogress import formatting
from docprogress.events import Status, decode
from docprogress.progress.fold import Progress
from docprogress.terminal.drawing import frame
from docprogress.terminal.live import JsonView, PlainView, TerminalView
from docprogress.terminal.results import closing_lines, closing_parts, failure_lines
from docprogress.terminal.styles import STYLES

HOSTILE = [
    "\x1b[31mred\x1b[0m.pdf",
    "two\nlines\r\n.pdf",
    "[bold red]markup[/bold red].pdf",
    "[/]",
    "\u202egpj.exe",
    "\u2067turned\u2069.pdf",
    "tab\tbell\x07back\x08\x9b31m.pdf",
    "wide 契約書の最終版 👨‍👩‍👧 ✈️ 🇩🇪.pdf",
    "z" + "\u0301" * 500 + "algo.pdf",
    "x" * 5000,
    "\x00",
    " ",
    "\U000e0041\u200b\ufeff",
]


@pytest.fixture
def progress(clock):
    return Progress(clock=clock, now=clock.today)


@pytest.fixture
def apply(clock, progress):
    def apply_event(document_id="a", status=Status.PROCESSING, **fields):
        event = event_at(clock, document_id, status, **fields)
        progress.apply(event)
        return event

    return apply_event


def drawn(progress, width=80, height=24, **options):
    return frame(progress, width=width, height=height, **options).plain.split("\n")


def harmless(text):
    return all(
        character == "\n" or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
        for character in text
    )


def test_a_running_document_has_a_line(clock, progress, apply):
    apply("a", name="contract.pdf")
    clock.advance(12)
    apply(
        "a",
        name="contract.pdf",
        progress=37.4,
        message="Extracting page 124 of 200",
        current=124,
        total=200,
        unit="page",
    )

    line = drawn(progress)[-1]

    assert line.startswith("contract.pdf")
    assert re.search(r"━+╸?─+  37 %   0:12  extraction  page 124 of 200$", line)


def test_a_message_without_a_count_is_shown_unchanged(progress, apply):
    apply(message="Waiting for the database and the storage")

    assert drawn(progress, width=40)[-1].endswith("  Waiting for the…")
    assert drawn(progress)[-1].endswith("Waiting for the database and the storage")


def test_a_message_that_only_names_the_step_is_not_repeated(progress, apply):
    apply(step="embedding", message="Embedding")

    assert drawn(progress)[-1].split()[-2:] == ["0:00", "embedding"]


def test_documents_are_counted_by_status(clock, progress, apply):
    apply("a", Status.COMPLETED)
    apply("b", Status.FAILED)
    apply("c", Status.PROCESSING)
    apply("d", Status.QUEUED)

    shown = drawn(progress)[1]

    assert shown.startswith("1 completed · 1 failed · 1 processing · 1 queued")


def test_documents_without_events_count_as_queued(clock):
    progress = Progress(expected=7, clock=clock, now=clock.today)

    assert drawn(progress)[1].startswith("7 queued")
    assert drawn(progress)[-1] == "waiting for a worker"


def test_the_reason_why_all_documents_wait_is_shown(progress, apply):
    waiting = "Waiting for the embedding endpoint until 15:04:05 (rate limit)"
    apply("a", Status.COMPLETED)
    apply("b", Status.QUEUED, message="Queued")
    assert drawn(progress)[-1] == "waiting for a worker"

    apply("c", Status.QUEUED, message=waiting)
    assert drawn(progress)[-1] == waiting.replace("W", "w", 1)


def test_unknown_remaining_time_is_called_unknown(progress, apply):
    apply()

    assert drawn(progress)[0].endswith(" 0 %  time left unknown")


def test_known_remaining_time_is_shown(clock, progress, apply):
    apply(progress=0)
    clock.advance(10)
    apply(progress=10)
    assert drawn(progress)[0].endswith("10 %  30 s to 4 min left")

    clock.advance(70)
    apply(progress=80)
    assert drawn(progress)[0].endswith("80 %  about 20 s left")


def test_nothing_is_100_percent_before_it_is_done(progress, apply):
    apply("a", progress=99.9999)

    lines = drawn(progress)

    assert "99 %" in lines[0]
    assert "99 %" in lines[-1]
    assert lines[-1].count("━") < lines[0].count("━")


def test_a_finished_run_is_100_percent(progress, apply):
    apply(status=Status.COMPLETED)

    assert drawn(progress)[0].endswith("100 %")
    assert "─" not in drawn(progress)[0]


def bar_of(progress, width=60):
    """The number of cells in the run's bar by style."""
    picture = frame(progress, width=width, height=20)
    line = picture.plain.splitlines()[0]
    found = Counter()
    for span in picture.spans:
        if span.start < len(line):
            drawn = line[span.start : span.end]
            found[span.style] += drawn.count("━")
    assert sum(found.values()) == line.count("━")
    return {status: found[style] for status, style in STYLES.items()}


def test_a_finished_run_has_no_processing_cells(clock):
    for total in range(2, 60):
        for completed in range(1, total):
            progress = Progress(expected=total, clock=clock, now=clock.today)
            for number in range(total):
                done = number < completed
                progress.apply(
                    event_at(
                        clock,
                        str(number),
                        Status.COMPLETED if done else Status.FAILED,
                        progress=100 if done else number * 37 % 100,
                    )
                )
            bar = bar_of(progress)
            assert bar[Status.PROCESSING] == bar[Status.QUEUED] == 0
            assert bar[Status.FAILED]


def test_a_cancelled_run_shows_the_progress_it_had_made(clock, progress, apply):
    apply("0", Status.COMPLETED)
    for number in range(1, 32):
        apply(str(number), Status.CANCELLED, progress=0)

    [line, *_] = drawn(progress)

    assert line.endswith(" 3 %")
    assert line.count("━") <= 3


def test_a_share_is_shown_as_its_percentage(clock):
    for completed in range(100):
        progress = Progress(expected=100, clock=clock, now=clock.today)
        for number in range(completed):
            progress.apply(event_at(clock, str(number), Status.COMPLETED))
        assert f" {completed} %  " in drawn(progress)[0]


def test_documents_known_only_by_count_are_counted_once(clock):
    progress = Progress(expected=2000, clock=clock, now=clock.today)
    progress.apply(event_at(clock, "a", Status.PROCESSING))
    progress.assume(
        {
            **dict.fromkeys(Status, 0),
            Status.QUEUED: 1500,
            Status.PROCESSING: 1,
            Status.COMPLETED: 499,
        }
    )

    assert drawn(progress)[1].startswith("499 completed · 1 processing · 1,500 queued")


def test_one_failure_among_thousands_is_visible(clock, progress, apply):
    for number in range(2000):
        apply(str(number), Status.COMPLETED)
    apply("bad", Status.FAILED)
    apply("slow", Status.PROCESSING)

    spans = frame(progress, width=60, height=20).spans

    assert any(span.style == STYLES[Status.FAILED] for span in spans)


def test_a_stalled_document_is_marked(clock, progress, apply):
    apply(name="a.pdf")
    clock.advance(75)

    lines = drawn(progress)

    assert "1 processing (1 stalled)" in lines[1]
    assert lines[-1].endswith("stalled for 1:15")
    assert drawn(progress, width=40)[-1].endswith("stalled")


def test_a_lost_connection_is_shown_and_no_document_called_stalled(
    clock, progress, apply
):
    apply()
    clock.advance(60)

    lost_at = datetime(2026, 1, 2, 15, 4, 5).astimezone()
    picture = "\n".join(drawn(progress, lost_at=lost_at))

    assert "reconnecting to Redis, last update 15:04:05" in picture
    assert "stalled" not in picture


def test_attempts_after_the_first_are_numbered(progress, apply):
    apply(
        attempt=3, current=3, total=20, unit="page", message="Extracting page 3 of 20"
    )

    assert drawn(progress, width=120)[-1].endswith("attempt 3 · page 3 of 20")
    assert drawn(progress, width=40)[-1].endswith("  page 3 of 20")


@pytest.mark.parametrize("height", [1, 2, 3, 5, 10, 24])
def test_a_frame_never_exceeds_the_terminal_height(progress, apply, height):
    for number in range(40):
        apply(str(number))

    lines = drawn(progress, height=height)

    assert len(lines) <= height
    if height >= 5:
        shown = [line for line in lines if "extraction" in line]
        assert lines[-1] == f"… and {40 - len(shown)} more"


def test_lines_that_fit_are_all_shown(progress, apply):
    for number in range(7):
        apply(str(number))

    assert len(drawn(progress, height=10)) == 10
    assert "more" not in drawn(progress, height=10)[-1]


@pytest.mark.parametrize("width", [1, 10, 40, 60, 80, 120, 200])
@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_texts_stay_on_one_line(clock, progress, apply, width, text):
    apply("good", name="good.pdf", message="Extracting", step="extraction")
    apply("bad", name=text, message=text, step=text, unit=text, current=1, total=2)

    lines = drawn(progress, width=width, height=50, name_width=50)

    assert harmless("\n".join(lines))
    assert all(cell_len(line) <= width for line in lines)
    assert len(lines) == len(drawn(progress, width=width, height=50))


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_columns_stay_aligned_beside_hostile_names(clock, progress, apply, text):
    apply("good", name="good.pdf", step="extraction")
    apply("bad", name=text, step="extraction")

    good, bad = drawn(progress, name_width=30)[-2:]

    assert cell_len(good[: good.index(" 0 %")]) == cell_len(bad[: bad.index(" 0 %")])


def test_markup_in_names_is_shown_as_text(clock, progress, apply):
    apply(name="[bold red]x[/].pdf")
    out = io.StringIO()
    console = Console(file=out, width=100, force_terminal=True, color_system=None)

    console.print(frame(progress, width=100, height=10))

    assert "[bold red]x[/].pdf" in out.getvalue()


@given(st.text(), st.integers(0, 80))
def test_shortened_text_fits_its_width(text, width):
    text = formatting.plain(text)

    assert cell_len(formatting.shorten(text, width)) <= width
    assert cell_len(formatting.cut(text, width)) <= width
    assert harmless(text)
    assert "\n" not in text


def test_shortening_keeps_both_ends():
    assert formatting.shorten("a-very-long-contract-v17.pdf", 15) == "a-very-…v17.pdf"


@pytest.mark.parametrize(
    ("between", "shown"),
    [
        ((1, 4), "a few seconds left"),
        ((2, 11), "up to 15 s left"),
        ((10, 15), "10 to 15 s left"),
        ((12, 55), "10 s to 1 min left"),
        ((125, 290), "2 to 5 min left"),
        ((125, 179), "2 to 3 min left"),
        ((2000, 4000), "30 min to 2 h left"),
        ((86_400, 200_000), "1 to 3 d left"),
        ((10_000_000, 20_000_000), "more than 30 d left"),
    ],
)
def test_a_range_of_the_remaining_time_is_rounded_to_a_wider_one(between, shown):
    assert formatting.remaining(None, between) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (None, "time left unknown"),
        (0, "a few seconds left"),
        (4.9, "a few seconds left"),
        (13, "about 15 s left"),
        (57, "about 55 s left"),
        (58, "about 1 min left"),
        (119, "about 2 min left"),
        (23 * 60, "about 25 min left"),
        (3600, "about 1 h left"),
        (5000, "about 1 h 25 min left"),
        (200_000, "about 2 d 7 h left"),
    ],
)
def test_remaining_time_is_rounded(seconds, shown):
    assert formatting.remaining(seconds) == shown


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [
        (0, "0.0 s"),
        (12.34, "12.3 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min"),
        (65, "1 min 5 s"),
        (3600, "1 h"),
        (7805, "2 h 10 min"),
    ],
)
def test_durations_are_formatted_exactly(seconds, shown):
    assert formatting.duration(seconds) == shown


@pytest.mark.parametrize(
    ("per_second", "shown"),
    [
        (1450.2, "1,450 pages/s"),
        (98.4, "98 pages/s"),
        (1.62, "1.6 pages/s"),
        (0.94, "56 pages/min"),
        (0.02, "1.2 pages/min"),
        (0.001, "3.6 pages/h"),
        (0.00001, "0.0 pages/h"),
    ],
)
def test_rates_use_a_readable_unit(per_second, shown):
    assert formatting.rate(per_second, "pages") == shown


def test_the_closing_line_summarizes_the_run(clock, progress, apply):
    for number in range(30):
        apply(str(number), current=0, total=40, unit="page")
    clock.advance(12.3)
    for number in range(27):
        apply(str(number), Status.COMPLETED)
    for number in range(27, 30):
        apply(str(number), Status.FAILED, error="no")

    assert (
        " · ".join(closing_parts(progress))
        == "30 documents in 12.3 s: 27 completed, 3 failed · 1,080 pages · 88 pages/s"
    )


def test_the_closing_line_of_an_empty_run_is_short(progress):
    assert closing_parts(progress) == ["no documents"]


def test_every_failure_is_listed_with_its_reason(progress, apply):
    apply("a", Status.FAILED, name="scan.pdf", error="scan.pdf: it is encrypted")
    apply("b", Status.FAILED, name="[x].pdf", error="\x1b[2Jdamaged\n" + "word " * 30)
    apply("c", Status.FAILED, name="c.pdf", message="")
    console = Console(file=io.StringIO(), width=60, force_terminal=True)

    lines = [line.plain for line in failure_lines(progress, console)]

    assert lines[0] == "failed  scan.pdf: it is encrypted"
    assert lines[1].startswith("failed  [x].pdf: �[2Jdamaged word word")
    assert lines[2].startswith("        word")
    assert lines[-1] == "failed  c.pdf: no reason was given"
    assert all(cell_len(line) <= 60 for line in lines)
    assert harmless("".join(lines))


def test_plain_view_writes_a_line_for_each_change_of_a_status(clock, progress, apply):
    out = io.StringIO()
    view = PlainView(progress, out, io.StringIO())
    for document_id, status, fields in [
        ("a", Status.QUEUED, {}),
        ("a", Status.PROCESSING, {"name": "a.pdf", "progress": 5}),
        ("a", Status.PROCESSING, {"name": "a.pdf", "progress": 50}),
        ("a", Status.QUEUED, {"name": "a.pdf", "attempt": 2}),
        ("a", Status.PROCESSING, {"name": "a.pdf", "attempt": 2}),
        ("a", Status.COMPLETED, {"name": "a.pdf", "message": "Completed: 3 pages"}),
        ("b", Status.FAILED, {"name": "b\n.pdf", "error": "b\n.pdf: no\x1b[31m"}),
        ("c", Status.CANCELLED, {"name": "c.pdf", "message": "Cancelled"}),
        ("c", Status.CANCELLED, {"name": "c.pdf", "message": "Cancelled"}),
    ]:
        event = apply(document_id, status, **fields)
        view.apply(event)
        view.draw()
    view.close()

    assert out.getvalue().splitlines() == [
        "started    a.pdf",
        "retrying   a.pdf  attempt 2",
        "completed  a.pdf  3 pages",
        "failed     b .pdf: no�[31m",
        "cancelled  c.pdf",
    ]


def test_json_view_writes_events_that_decode(clock, progress, apply):
    out = io.StringIO()
    view = JsonView(out, io.StringIO())
    applied = []
    for status in (Status.QUEUED, Status.PROCESSING, Status.COMPLETED):
        event = apply("a", status, name="line\nbreak\u2028.pdf")
        view.apply(event)
        applied.append(event)

    lines = out.getvalue().split("\n")

    assert lines.pop() == ""
    assert [decode(line) for line in lines] == applied


def test_terminal_view_restores_the_terminal(clock, progress, apply):
    out = io.StringIO()
    console = Console(file=out, width=80, height=20, force_terminal=True)
    view = TerminalView(progress, console)
    for number in range(30):
        event = apply(str(number), name=f"{number}.pdf")
        view.apply(event)
        view.draw()
    view.close()

    written = out.getvalue()
    assert written.count("\x1b[?25l") == written.count("\x1b[?25h") == 1
    assert "… and 15 more" in written


def test_no_color_draws_without_colours(monkeypatch, progress, apply):
    monkeypatch.setenv("NO_COLOR", "1")
    apply(progress=50)
    out = io.StringIO()
    console = Console(file=out, width=80, height=20, force_terminal=True)
    view = TerminalView(progress, console)

    view.draw()
    view.close()

    assert not re.search(r"\x1b\[[0-9;]*3[0-7][;m]", out.getvalue())
    assert "━" in out.getvalue()
    assert "─" in out.getvalue()


def test_a_terminal_without_unicode_is_drawn_in_ascii(progress, apply):
    for number in range(40):
        apply(str(number), name="a" * 90, progress=50, attempt=2)

    lines = drawn(progress, ascii_only=True, height=12)

    assert all(line.isascii() for line in lines)
    assert "#" in lines[0] + lines[-2]


def test_drawing_thousands_of_documents_is_cheap(clock, progress, apply):
    chance = random.Random(1)
    for number in range(10_000):
        apply(
            str(number),
            chance.choice([Status.QUEUED, Status.PROCESSING]),
            name=f"document {number}.pdf",
        )

    lines = drawn(progress, width=100, height=40)

    assert len(lines) == 40


@pytest.mark.parametrize("width", [60, 80, 100, 120])
def test_a_name_is_not_cut_while_columns_are_free(clock, progress, apply, width):
    name = "services-agreement-2026-v2.pdf"
    apply("a", name=name, step="extraction", message="Extracting page 3 of 200")
    apply("b", name="short.pdf", step="embedding", message="Embedding")

    lines = drawn(progress, width=width)

    assert any(line.startswith(name) for line in lines)


@pytest.mark.parametrize("width", [40, 50, 60, 70, 80, 120])
def test_what_a_document_does_is_shown_at_every_width(progress, apply, width):
    apply(
        name="annual-report-2025-consolidated-financial-statements.pdf",
        message="Extracting page 124 of 200",
        current=124,
        total=200,
        unit="page",
        progress=37.4,
    )

    line = drawn(progress, width=width)[-1]

    assert line.startswith("annual-rep")
    assert " 37 %" in line
    assert line.endswith(("124/200", "124 of 200"))


@pytest.mark.parametrize("width", [40, 60, 80])
def test_counts_and_speeds_break_between_their_parts(clock, progress, apply, width):
    for number in range(4):
        apply(str(number), current=0, total=900, unit="page")
    apply("c", Status.CANCELLED)
    clock.advance(12)
    apply("0", current=13, total=900, unit="page")
    apply("1", Status.COMPLETED)
    apply("f", Status.FAILED, error="no")
    clock.advance(1)

    lines = drawn(progress, width=width)
    above = lines[: lines.index("")]

    parts = [part for line in above[1:] for part in re.split(r" · | {2,}", line)]
    assert parts[:4] == ["1 completed", "1 failed", "1 cancelled", "3 processing"]
    assert re.fullmatch(r"[\d.]+ documents/\w+", parts[4])
    assert re.fullmatch(r"[\d.]+ pages/\w+", parts[5])
    assert parts[6:] == ["0:13"]


def test_the_newest_failures_are_listed_below_the_running_documents(progress, apply):
    apply("a", name="a.pdf")
    for number in range(5):
        apply(f"f{number}", Status.FAILED, name=f"{number}.pdf", error="it is empty")

    assert drawn(progress)[-4:] == [
        "",
        *(f"failed  {number}.pdf: it is empty" for number in (2, 3, 4)),
    ]
    assert drawn(progress, height=6)[-1].startswith("failed  4.pdf")
    assert drawn(progress, height=5)[-1].startswith("a.pdf")


def test_the_summary_of_a_run_breaks_between_its_parts(clock, progress, apply):
    for number in range(30):
        apply(str(number), current=0, total=40, unit="page")
    clock.advance(1800)
    for number in range(30):
        apply(str(number), Status.COMPLETED)
    parts = closing_parts(progress)
    narrow = Console(file=io.StringIO(), width=64, force_terminal=True)
    piped = Console(file=io.StringIO(), width=64)

    lines = [line.plain for line in closing_lines(parts, narrow)]

    assert lines == [
        "30 documents in 30 min: 30 completed · 1,200 pages",
        "40 pages/min",
    ]
    tiny = Console(file=io.StringIO(), width=40, force_terminal=True)
    assert next(line.plain for line in closing_lines(parts, tiny)) == (
        "30 documents in 30 min: 30 completed"
    )
    tiny.width = 30
    assert [line.plain for line in closing_lines(parts, tiny)][:2] == [
        "30 documents in 30 min:",
        "30 completed",
    ]
    assert [line.plain for line in closing_lines(parts, piped)] == [" · ".join(parts)]


def test_a_log_gets_the_state_of_a_run_that_is_silent(clock, progress, apply):
    out = io.StringIO()
    view = PlainView(progress, out, io.StringIO(), clock=clock)
    view.apply(apply("a", name="a.pdf"))

    clock.advance(29)
    view.draw()
    clock.advance(1)
    view.draw()
    view.draw()

    assert out.getvalue().splitlines() == [
        "started    a.pdf",
        "1 document: 1 processing; time left unknown",
    ]
