import threading

import pytest
from support.patience import patient
from support.services import Server, eventually

from docprogress.bus.bus import Bus
from docprogress.bus.connection import connect
from docprogress.bus.keys import LEASED_DOCUMENTS, lease_key
from docprogress.bus.leases import Leases, leased_documents, owners
from docprogress.errors import BusError
from docprogress.events import ProgressEvent, Status, now


@pytest.fixture
def client(redis_url):
    with connect(redis_url) as client:
        yield client


@pytest.fixture
def leases(client):
    leases = Leases(lambda: client, seconds=15)
    yield leases
    leases.close()


@pytest.fixture
def quick_leases(client):
    leases = Leases(lambda: client, seconds=1)
    yield leases
    leases.close()


def test_one_owner_takes_a_document_and_a_second_one_does_not(leases):
    assert leases.take("a", "1:w:1") is not None
    assert leases.take("a", "1:w:2") is None


def test_of_many_that_ask_at_once_one_wins(leases):
    won = []
    start = threading.Barrier(20)

    def ask(number):
        start.wait()
        if leases.take("a", f"1:w:{number}"):
            won.append(number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1


def test_a_released_document_can_be_taken_again(leases, client):
    lease = leases.take("a", "1:w:1")

    leases.release(lease)

    assert owners(client, ["a"]) == {"a": None}
    assert not client.exists(LEASED_DOCUMENTS)
    assert leases.take("a", "2:w:2") is not None


def test_releasing_a_lost_lease_keeps_the_new_owner(leases, client):
    lease = leases.take("a", "1:w:1")
    client.set(lease_key("a"), "2:w:2")

    leases.release(lease)

    assert owners(client, ["a"]) == {"a": "2:w:2"}


def test_a_held_lease_outlives_its_own_time(quick_leases, client):
    lease = quick_leases.take("a", "1:w:1")
    client.pexpire(lease_key("a"), 400)

    eventually(lambda: client.pttl(lease_key("a")) > 500)
    assert not lease.lost.is_set()


def test_an_unforeseen_error_with_one_lease_does_not_end_the_renewal_of_others(
    quick_leases, client, caplog
):
    def fail():
        raise RuntimeError("unforeseen")

    quick_leases.take("bad", "1:w:1", newest=fail)
    quick_leases.take("good", "1:w:1")

    eventually(lambda: owners(client, ["bad"])["bad"] is None)
    eventually(lambda: caplog.text.count("unforeseen") > 3)
    eventually(lambda: owners(client, ["good"])["good"] == "1:w:1")


def test_a_lease_whose_owner_died_runs_out_and_is_remembered(client):
    leases = Leases(lambda: client, seconds=1)
    leases.take("a", "1:w:1")
    leases.close()

    eventually(lambda: not client.exists(lease_key("a")))
    assert leased_documents(client) == ["a"]


def test_a_lease_with_another_owner_is_lost(quick_leases, client):
    lease = quick_leases.take("a", "1:w:1")
    client.set(lease_key("a"), "2:w:2")

    assert lease.lost.wait(patient(10))
    assert client.get(lease_key("a")) == b"2:w:2"


def test_a_lease_is_taken_again_after_redis_came_back_empty(quick_leases, client):
    lease = quick_leases.take("a", "1:w:1")
    client.flushall()

    eventually(lambda: owners(client, ["a"]) == {"a": "1:w:1"})
    assert not lease.lost.is_set()


def test_an_attempt_that_is_over_does_not_take_its_lease_again(quick_leases, client):
    lease = quick_leases.take("a", "1:w:1", current=lambda: False)
    client.flushall()

    assert lease.lost.wait(patient(10))
    assert owners(client, ["a"]) == {"a": None}


def test_a_held_document_gives_signs_of_life(redis_url, client, quick_leases):
    with Bus(redis_url) as bus:
        event = ProgressEvent(
            document_id="a",
            run_id="r",
            status=Status.PROCESSING,
            step="s",
            progress=10.0,
            message="m",
            timestamp=now(),
            attempt=1,
        )
        published = bus.publish(event).event
        received = client.pubsub()
        received.subscribe("document:a:progress")

        quick_leases.take("a", "1:w:1", run_id="r", newest=lambda: published)

        message = eventually(
            lambda: received.get_message(ignore_subscribe_messages=True, timeout=0.1)
        )
        assert b'"heartbeat":true' in message["data"]
        assert published.id.encode() in message["data"]
        eventually(lambda: b"heartbeat" in client.hget("run:r:progress", "a"))
        received.close()


def test_a_sign_of_life_does_not_undo_a_later_event(redis_url, client, quick_leases):
    with Bus(redis_url) as bus:
        event = ProgressEvent(
            document_id="a",
            run_id="r",
            status=Status.PROCESSING,
            step="s",
            progress=10.0,
            message="m",
            timestamp=now(),
            attempt=1,
        )
        stale = bus.publish(event).event
        bus.publish(event.replace(status=Status.COMPLETED, progress=100.0))
        end = client.hget("run:r:progress", "a")
        beats = []

        def newest():
            beats.append(1)
            return stale

        quick_leases.take("a", "1:w:1", run_id="r", newest=newest)
        eventually(lambda: len(beats) >= 2)

        assert client.hget("run:r:progress", "a") == end


def test_without_redis_taking_a_lease_is_an_error(server: Server):
    server.kill()
    client = connect(server.url)
    leases = Leases(lambda: client)

    with pytest.raises(BusError):
        leases.take("a", "1:w:1")
    leases.close()
    server.start()


def test_no_lease_lasts_longer_because_a_clock_was_set_back(leases, client):
    leases.take("a", "1:w:1")
    leases.close()
    client.pexpire(lease_key("a"), 3_600_000)

    leased_documents(client)

    assert 0 < client.pttl(lease_key("a")) <= 15_000
