import pytest
from hypothesis import given
from hypothesis import strategies as st

from docprogress.events import FINAL_NUMBER, ProgressEvent, Status, now
from docprogress.server.sse.client_queue import BURST_SIZE, ClientQueue
from docprogress.server.sse.frames import is_final_id, progress_frame, typed_frame
from docprogress.server.subjects import Kind, Subject


def frame(number, document_id="a", *, attempt=1, final=False):
    return progress_frame(
        ProgressEvent(
            document_id=document_id,
            status=Status.FAILED if final else Status.PROCESSING,
            step="extraction",
            progress=10.0,
            message=str(number),
            timestamp=now(),
            id=f"{attempt}-{FINAL_NUMBER if final else number}",
        )
    )


@pytest.fixture
def client():
    return ClientQueue([Subject(Kind.DOCUMENT, "a")], abort=lambda: None)


def messages(frames):
    return [each.event.message for each in frames]


def test_burst_of_events_is_delivered_one_by_one(client):
    for number in range(BURST_SIZE + 1):
        client.put(frame(number))

    assert messages(client.take()) == [str(number) for number in range(BURST_SIZE + 1)]
    assert not client.pending


def test_frame_is_sent_at_once_while_nothing_is_pending_unless_it_is_final(client):
    sent = []
    client.send_now = lambda frame: sent.append(frame) or len(sent) <= 2

    for number in range(4):
        client.put(frame(number))

    assert messages(sent) == ["0", "1", "2"]  # of which the last was refused
    assert messages(client.take()) == ["2", "3"]

    client.send_now = lambda frame: sent.append(frame) or True
    client.put(frame(100, final=True))
    client.put(frame(101, attempt=2))
    assert len(sent) == 3
    assert messages(client.take()) == ["100", "101"]


def test_newest_event_wins_for_a_slow_client(client):
    for number in range(1000):
        client.put(frame(number))

    taken = messages(client.take())

    assert len(taken) == BURST_SIZE + 1
    assert taken[-1] == "999"


def test_final_event_is_delivered_though_another_attempt_has_started(client):
    for number in range(100):
        client.put(frame(number))
    client.put(frame(100, final=True))
    for number in range(200, 300):
        client.put(frame(number, attempt=2))

    taken = messages(client.take())

    assert taken[-2:] == ["100", "299"]


def test_queue_of_a_client_that_reads_nothing_stays_small(client):
    for attempt in range(1, 1000):
        client.put(frame(attempt, attempt=attempt))
        client.put(frame(attempt, attempt=attempt, final=True))

    assert len(client.take()) <= BURST_SIZE + 2


def test_busy_document_does_not_starve_others(client):
    client.put(frame(0, "quiet"))
    for number in range(100):
        client.put(frame(number, "busy"))

    assert {each.event.document_id for each in client.take()} == {"quiet", "busy"}


def test_frame_from_two_channels_is_delivered_once(client):
    same = frame(1, final=True)
    client.put(same)
    client.put(same)

    assert messages(client.take()) == ["1"]


def test_replay_is_delivered_first_and_its_events_not_twice(client):
    for number in (2, 3, 4):
        client.put(frame(number))
    client.replay([frame(number) for number in (1, 2, 3)])
    client.put(frame(3))
    client.put(frame(5))

    assert messages(client.take()) == ["1", "2", "3", "4", "5"]


def test_heartbeat_occupies_no_document_s_slot(client):
    client.put(frame(1))
    for number in range(100):
        client.put(typed_frame("heartbeat", "a", {"number": number}))

    first, second = client.take()

    assert first.event.message == "1"
    assert second.data == b'event: heartbeat\ndata: {"number":99}\n\n'


@given(st.lists(st.tuples(st.sampled_from("abc"), st.booleans(), st.booleans())))
def test_each_document_is_delivered_in_order_up_to_its_newest_event(steps):
    client = ClientQueue([Subject(Kind.DOCUMENT, "a")], abort=lambda: None)
    offered: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    delivered: dict[str, list[str]] = {"a": [], "b": [], "c": []}
    attempt = dict.fromkeys("abc", 1)

    def take():
        for each in client.take():
            delivered[each.event.document_id].append(each.event.message)

    ends = set()
    for number, (document_id, final, taking) in enumerate(steps):
        message = str(number)
        offer = frame(number, document_id, attempt=attempt[document_id], final=final)
        client.put(offer)
        offered[document_id].append(message)
        if final:
            attempt[document_id] += 1
            ends.add((document_id, message))
        if taking:
            take()
    take()

    assert not client.pending
    for document_id in "abc":
        assert delivered[document_id] == sorted(set(delivered[document_id]), key=int)
        assert set(delivered[document_id]) <= set(offered[document_id])
        assert delivered[document_id][-1:] == offered[document_id][-1:]
        last = [m for d, m in ends if d == document_id]
        if last:
            assert max(last, key=int) in delivered[document_id]


@pytest.mark.parametrize(
    ("event_id", "end"),
    [("end", True), (f"1-{FINAL_NUMBER}", True), ("1-7", False), ("", False)],
)
def test_final_event_is_recognised_by_its_id(event_id, end):
    assert is_final_id(event_id) is end
