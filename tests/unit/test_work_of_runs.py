"""A run's percentage is of its work: the page adds it up by the same vectors."""

import json
import random
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.clock import Clock
from support.events import event_at

from docprogress.events import ProgressEvent, Status, from_dict, pages_of_text
from docprogress.progress.fold import Progress

VECTORS = json.loads(
    (Path(__file__).parents[1] / "frontend" / "work-vectors.json").read_bytes()
)


@pytest.fixture
def make_progress(clock):
    def make(*events: ProgressEvent, expected: int | None = None) -> Progress:
        progress = Progress(expected=expected, clock=clock, now=clock.today)
        for event in events:
            progress.apply(event)
        return progress

    return make


@pytest.mark.parametrize("vector", VECTORS, ids=[each["why"] for each in VECTORS])
def test_work_is_added_up_as_on_the_page(make_progress, vector):
    progress = make_progress(*map(from_dict, vector["events"]))

    for status, share in progress.shares.items():
        expected = vector["done"].get(status, 0) / vector["whole"]
        assert share == pytest.approx(expected, abs=1e-5)
    assert progress.fraction == pytest.approx(sum(progress.shares.values()))


def test_small_documents_are_a_small_part_of_the_work(clock, make_progress):
    small = [event_at(clock, f"{n}", Status.COMPLETED, work=1) for n in range(50)]
    large = event_at(clock, "large", work=500, progress=10)

    assert make_progress(*small, large).fraction == pytest.approx(150 / 601, abs=0.01)


def test_a_late_joiner_sees_the_same(clock, make_progress):
    history = [
        event_at(clock, "a", Status.QUEUED, size=10_000, name="a.pdf"),
        event_at(clock, "b", Status.QUEUED, size=90_000, name="b.pdf"),
        event_at(clock, "a", current=1, total=4, unit="page", size=10_000),
        event_at(clock, "a", step="embedding", progress=60, work=4, size=10_000),
        event_at(clock, "a", Status.COMPLETED, work=4, size=10_000),
    ]
    newest = [history[-1].replace(name="a.pdf"), history[1]]

    early, late = make_progress(*history, expected=2), make_progress(*newest)

    assert late.fraction == pytest.approx(early.fraction)


def test_the_fraction_stays_where_members_are_found(clock, make_progress):
    progress = make_progress(event_at(clock, "mail", progress=50, work=9), expected=1)
    assert progress.fraction == pytest.approx(0.5)

    progress.expected = 2
    progress.apply(event_at(clock, "mail.1", Status.QUEUED, work=89))
    assert progress.fraction == pytest.approx(0.5)
    assert sum(progress.shares.values()) == pytest.approx(0.5)

    progress.apply(event_at(clock, "mail", Status.COMPLETED, work=9))
    progress.apply(event_at(clock, "mail.1", progress=90, work=89))
    assert progress.fraction == pytest.approx(0.91)


def test_a_document_that_is_repeated_is_more_work(clock, make_progress):
    progress = make_progress(
        event_at(clock, "a", Status.COMPLETED, attempt=1),
        event_at(clock, "b", Status.FAILED, attempt=1, progress=60),
    )
    assert progress.fraction == pytest.approx(0.8)

    progress.apply(event_at(clock, "b", Status.QUEUED, attempt=2))

    assert progress.fraction == pytest.approx(0.5)


def test_an_automatic_attempt_takes_nothing_back(clock, make_progress):
    progress = make_progress(event_at(clock, "a", attempt=1, progress=60))
    assert progress.fraction == pytest.approx(0.6)

    progress.apply(event_at(clock, "a", Status.QUEUED, attempt=2))

    assert progress.fraction == pytest.approx(0.6)


def test_a_joiner_is_not_held_by_what_it_learned_first(clock, make_progress):
    progress = make_progress(event_at(clock, "a", Status.COMPLETED, work=9), expected=2)
    assert progress.fraction == pytest.approx(0.5)

    progress.apply(event_at(clock, "b", Status.QUEUED, work=989))

    assert progress.fraction == pytest.approx(0.01)


def test_sizes_may_come_from_elsewhere(clock, make_progress):
    progress = make_progress(
        event_at(clock, "a", Status.COMPLETED, work=9),
        event_at(clock, "b", Status.QUEUED),
    )
    progress.add_sizes({"a": 100_000, "b": 1_000_000})

    assert progress.fraction == pytest.approx(0.1, abs=0.01)


def test_long_pages_are_several():
    assert pages_of_text(3, 9_000) == 3
    assert pages_of_text(1, 1_000_000) == 100
    assert pages_of_text(0, 0) == 0


@given(st.integers())
def test_the_fraction_never_falls_while_a_run_is_in_progress(seed):
    chance, clock = random.Random(seed), Clock()
    count = chance.randint(1, 6)
    progress = Progress(expected=count, clock=clock, now=clock.today)
    going = [str(number) for number in range(count)]
    for name in going:
        size = chance.choice([None, 0, 1000, 10**6])
        progress.apply(event_at(clock, name, Status.QUEUED, size=size, attempt=1))
    shown, ends = progress.fraction, set()
    while going:
        clock.advance(1)
        name, status = chance.choice(going), chance.choice(list(Status))
        done = 100 if status is Status.COMPLETED else chance.uniform(0, 99)
        work = chance.choice([None, 0, 1, 100, 1000])
        event = event_at(clock, name, status, work=work, progress=done)
        progress.apply(event)
        if status.final:
            going.remove(name)
            ends.add(status)

        if going:
            assert shown - 1e-9 <= progress.fraction < 1
            shown = progress.fraction
    assert (progress.fraction == 1) == (ends == {Status.COMPLETED})
