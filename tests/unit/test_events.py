import json
from datetime import UTC, datetime, timedelta, timezone

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from docprogress.bus.keys import document_channel, run_channel
from docprogress.errors import DocProgressError, EventError
from docprogress.events import (
    FINAL_NUMBER,
    LONGEST_ID,
    ProgressEvent,
    Status,
    decode,
    from_dict,
    now,
    schema,
)

VALIDATOR = jsonschema.Draft202012Validator(schema())

#: What any program may publish: the seven fields of old, here without an error.
PLAIN = {
    "document_id": "7f3a",
    "status": "processing",
    "step": "extraction",
    "progress": 12.5,
    "message": "Extracting page 12 of 200",
    "timestamp": "2025-03-14T09:30:00.000000+00:00",
}

EVENT = ProgressEvent(
    document_id="7f3a",
    status=Status.PROCESSING,
    step="extraction",
    progress=12.5,
    message="Extracting page 12 of 200",
    timestamp=datetime(2025, 3, 14, 9, 30, tzinfo=UTC),
)

texts = st.text(st.characters(exclude_categories=["Cs"]))
ids = st.text(
    st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=LONGEST_ID
)
counts = st.integers(0, 2**53)
json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | texts,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner),
    max_leaves=6,
)


@st.composite
def events(draw):
    """Any event that our own code may make."""
    status = draw(st.sampled_from(Status))
    below = st.floats(0, 100, exclude_max=True)
    position = st.tuples(st.integers(0, 2**64 - 1), st.integers(0, 2**64 - 1))
    return ProgressEvent(
        document_id=draw(ids),
        status=status,
        step=draw(texts),
        progress=100.0 if status is Status.COMPLETED else draw(below),
        message=draw(texts),
        timestamp=draw(st.datetimes(timezones=st.just(UTC))),
        error=draw(texts) if status is Status.FAILED else None,
        id=draw(st.none() | position.map(lambda pair: f"{pair[0]}-{pair[1]}")),
        **{
            field: draw(st.none() | texts)
            for field in ("run_id", "case_id", "name", "unit", "worker")
        },
        **{
            field: draw(st.none() | counts) for field in ("attempt", "current", "total")
        },
        heartbeat=draw(st.booleans()),
    )


@given(events())
def test_every_event_satisfies_the_schema(event):
    VALIDATOR.validate(json.loads(event.encode()))


@given(events())
def test_an_event_survives_the_wire_unchanged(event):
    assert decode(event.encode()) == event


@given(st.dictionaries(st.sampled_from(sorted(schema()["properties"])), json_values))
def test_what_the_schema_refuses_is_refused(changes):
    fields = PLAIN | changes

    if not VALIDATOR.is_valid(fields):
        with pytest.raises(EventError):
            decode(json.dumps(fields))


@given(st.dictionaries(st.sampled_from(sorted(schema()["properties"])), json_values))
def test_accepted_events_are_encoded_by_the_schema(changes):
    try:
        event = decode(json.dumps(PLAIN | changes))
    except EventError:
        return

    VALIDATOR.validate(json.loads(event.encode()))


@given(
    st.dictionaries(
        st.sampled_from([*sorted(schema()["properties"]), "extra", "other"]),
        json_values,
    )
)
def test_json_is_read_as_the_dict_it_encodes(changes):
    fields = PLAIN | changes
    try:
        expected = from_dict(json.loads(json.dumps(fields)))
    except EventError:
        with pytest.raises(EventError):
            decode(json.dumps(fields))
    else:
        assert decode(json.dumps(fields)) == expected


@given(st.binary() | texts)
def test_nothing_on_the_wire_raises_anything_but_an_event_error(raw):
    with pytest.raises(EventError):
        decode(raw)


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        "\ud800",
        "[" * 100_000,
        json.dumps(PLAIN)[:-1],
        json.dumps(PLAIN) + "}",
        json.dumps(PLAIN | {"progress": float("nan")}),
        json.dumps(PLAIN | {"progress": float("inf")}),
        json.dumps(PLAIN | {"progress": "12"}),
        json.dumps(PLAIN | {"progress": True, "status": "completed"}),
        json.dumps(PLAIN | {"progress": 150, "status": "completed"}),
        json.dumps(PLAIN | {"progress": -1}),
        json.dumps(PLAIN | {"status": "done"}),
        json.dumps(PLAIN | {"status": ["completed"]}),
        json.dumps(PLAIN | {"document_id": ""}),
        json.dumps(PLAIN | {"document_id": "x" * (LONGEST_ID + 1)}),
        json.dumps(PLAIN | {"document_id": "a\r\nDEL b"}),
        json.dumps(PLAIN | {"id": "1"}),
        json.dumps(PLAIN | {"id": "1-2\n"}),
        json.dumps(PLAIN | {"id": "\u0661-\u0662"}),
        json.dumps(PLAIN | {"attempt": "1"}),
        json.dumps(PLAIN | {"timestamp": "yesterday"}),
        json.dumps(PLAIN | {"timestamp": 1_741_944_600}),
        json.dumps(PLAIN | {"timestamp": "0001-01-01T00:00:00+14:00"}),
    ],
)
def test_a_hostile_event_is_refused(raw):
    with pytest.raises(EventError):
        decode(raw)


@pytest.mark.parametrize("field", sorted(PLAIN))
@pytest.mark.parametrize("missing", ["absent", "null"])
def test_none_of_the_six_fields_may_be_missing(field, missing):
    fields = PLAIN | {field: None}
    if missing == "absent":
        del fields[field]

    with pytest.raises(EventError):
        from_dict(fields)


def test_the_schema_and_the_struct_have_the_same_fields():
    struct = set(ProgressEvent.__struct_fields__) - {"extra"}

    assert set(schema()["properties"]) == struct


def test_the_schema_requires_what_the_struct_requires():
    optional = len(ProgressEvent.__struct_defaults__)
    ordered = ProgressEvent.__struct_fields__

    assert schema()["required"] == list(ordered[: len(ordered) - optional])


def test_the_schema_and_the_enum_have_the_same_statuses():
    assert schema()["properties"]["status"]["enum"] == [s.value for s in Status]


def test_the_schema_is_a_valid_schema():
    jsonschema.Draft202012Validator.check_schema(schema())


def test_an_event_of_another_program_is_understood():
    event = decode(json.dumps(PLAIN))

    assert event == EVENT
    assert (event.id, event.position, event.attempt) == (None, None, None)


def test_the_error_of_another_program_is_kept():
    fields = PLAIN | {"status": "failed", "error": "contract.pdf: no password"}

    assert from_dict(fields).error == "contract.pdf: no password"


def test_progress_100_is_the_end_even_if_it_does_not_say_so():
    event = from_dict(PLAIN | {"progress": 100})

    assert event.status is Status.COMPLETED
    assert event.final


def test_completed_is_the_end_even_if_the_number_lags():
    assert from_dict(PLAIN | {"status": "completed"}).progress == 100


@pytest.mark.parametrize("status", ["failed", "cancelled"])
def test_a_failure_at_100_stays_a_failure(status):
    event = from_dict(PLAIN | {"status": status, "progress": 100})

    assert event.status == status
    assert event.progress < 100


def test_unknown_fields_are_kept_and_sent_on():
    fields = PLAIN | {"colour": "blue", "extra": {"nested": [1, None]}}

    event = from_dict(fields)

    assert event.extra == {"colour": "blue", "extra": {"nested": [1, None]}}
    assert json.loads(event.encode()) == fields


def test_an_unknown_field_never_hides_a_known_one():
    event = EVENT.replace(extra={"status": "completed", "worker": "x"})

    assert decode(event.encode()) == EVENT


@pytest.mark.parametrize(
    "timestamp",
    [
        "2025-03-14T09:30:00",
        "2025-03-14T09:30:00Z",
        "2025-03-14 09:30:00+00:00",
        "2025-03-14T11:30:00+02:00",
    ],
)
def test_every_time_is_read_as_utc(timestamp):
    event = from_dict(PLAIN | {"timestamp": timestamp})

    assert event.timestamp == EVENT.timestamp
    assert event.timestamp.utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2025, 3, 14, 9, 30),  # noqa: DTZ001 - without an offset, on purpose
        datetime(2025, 3, 14, 15, 0, tzinfo=timezone(timedelta(hours=5, minutes=30))),
    ],
)
def test_timestamps_are_encoded_in_utc_with_microseconds(moment):
    delivered = EVENT.replace(timestamp=moment).to_dict()["timestamp"]

    assert delivered == "2025-03-14T09:30:00.000000+00:00"


def test_the_present_is_in_utc():
    assert now().utcoffset() == timedelta(0)


@pytest.mark.parametrize(
    "changes",
    [
        {"progress": 101.0},
        {"progress": -0.1},
        {"progress": float("nan")},
        {"progress": 100.0},
        {"status": Status.COMPLETED},
        {"document_id": ""},
        {"document_id": "a\nb"},
        {"id": "one"},
    ],
)
def test_a_changed_event_is_checked_again(changes):
    with pytest.raises(EventError):
        EVENT.replace(**changes)


def test_an_event_cannot_be_changed_in_place():
    with pytest.raises(AttributeError):
        EVENT.progress = 50.0


def test_a_replaced_event_leaves_the_original_alone():
    later = EVENT.replace(progress=50.0)

    assert (EVENT.progress, later.progress) == (12.5, 50.0)


def test_two_events_share_no_extra_fields():
    first, second = from_dict(PLAIN), from_dict(PLAIN)

    first.extra["colour"] = "blue"

    assert second.extra == {}


def test_optional_fields_are_encoded_only_where_they_are_set():
    assert EVENT.to_dict() == PLAIN
    assert EVENT.replace(heartbeat=True, total=0).to_dict() == PLAIN | {
        "heartbeat": True,
        "total": 0,
    }


def test_a_message_that_is_not_utf8_is_sent_all_the_same():
    event = EVENT.replace(message="gr\udcfcn.pdf is empty", extra={"a": ["\udce9"]})

    received = decode(event.encode())

    assert received.message == "gr?n.pdf is empty"
    assert received.extra == {"a": ["?"]}


def test_an_encoded_event_begins_so_that_redis_can_add_its_id():
    spoken = EVENT.replace(message="\udce9")

    assert EVENT.encode()[:2] == spoken.encode()[:2] == b'{"'


@pytest.mark.parametrize(
    ("status", "final"),
    [
        (Status.QUEUED, False),
        (Status.PROCESSING, False),
        (Status.COMPLETED, True),
        (Status.FAILED, True),
        (Status.CANCELLED, True),
    ],
)
def test_three_statuses_are_final(status, final):
    assert status.final is final


def test_positions_sort_by_attempt_and_then_by_number():
    delivered = [f"1-{FINAL_NUMBER}", "10-0", "2-9", "1-3", "2-10"]

    positions = sorted(EVENT.replace(id=text).position for text in delivered)

    assert positions == [(1, 3), (1, FINAL_NUMBER), (2, 9), (2, 10), (10, 0)]


def test_the_channels_are_those_of_other_programs():
    assert document_channel("7f3a") == "document:7f3a:progress"
    assert run_channel("r1") == "run:r1:progress"


def test_a_refused_event_is_also_a_value_error():
    assert issubclass(EventError, ValueError)
    assert issubclass(EventError, DocProgressError)
