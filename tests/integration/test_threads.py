"""One bus, or one pipeline, used by many threads and in forked processes."""

import multiprocessing
import os
import threading
from concurrent.futures import ThreadPoolExecutor

import psutil
import pytest
import redis
from support.events import event
from support.patience import patient
from support.services import Server, eventually

from docprogress import report
from docprogress.bus.bus import Bus
from docprogress.client.pipeline import Pipeline
from docprogress.errors import Cancelled, Superseded
from docprogress.events import Status
from docprogress.reporting.buffered_publisher import BufferedPublisher

THREADS = 16


def at_once(work, count=THREADS):
    """Have this done by so many threads that begin together; what each returned."""
    barrier = threading.Barrier(count)

    def begun(number):
        barrier.wait()
        return work(number)

    with ThreadPoolExecutor(count) as threads:
        return list(threads.map(begun, range(count)))


def use(bus, number, events=20):
    """Publish and read what was published; the ids, as Redis has given them."""
    name = f"{os.getpid()}-{number}"
    ids = []
    for position in range(events):
        delivered = bus.publish(event(name, run_id="r", progress=float(position))).event
        assert delivered.document_id == name
        ids.append(delivered.id)
        [newest] = bus.newest([name]).values()
        assert newest.id == delivered.id
    assert [one.id for one in bus.history(name)] == ids
    assert bus.publish(event(name, run_id="r", status=Status.FAILED)).event.final
    with pytest.raises(Superseded):
        bus.publish(event(name, run_id="r"))
    return ids


def connections(url):
    with redis.Redis.from_url(url) as client:
        mine = client.client_id()
        return [one for one in client.client_list() if int(one["id"]) != mine]


@pytest.mark.parametrize("round_", range(5))
def test_many_threads_may_begin_to_use_a_bus_at_once(server: Server, round_):
    with Bus(server.url) as bus:
        at_once(lambda number: use(bus, number))
        assert bus.counts("r")[Status.FAILED] == THREADS
    eventually(lambda: not connections(server.url))


def test_many_threads_of_a_forked_process_may_use_its_parents_bus(server: Server):
    stop = threading.Event()

    def go_on(number):
        while not stop.is_set():
            bus.publish(event(f"parent-{number}"))

    def child():
        at_once(lambda number: use(bus, number))

    with Bus(server.url) as bus, ThreadPoolExecutor(4) as threads:
        # Locks are held, and answers are on their way, at the moment of the fork.
        parents = [threads.submit(go_on, number) for number in range(4)]
        try:
            context = multiprocessing.get_context("fork")
            for _ in range(8):
                process = context.Process(target=child)
                process.start()
                process.join(patient(60))
                assert process.exitcode == 0
        finally:
            stop.set()
        for parent in parents:
            parent.result(patient(60))
        assert bus.counts("r")[Status.FAILED] == 8 * THREADS


def test_a_bus_may_be_closed_while_others_use_it(server: Server):
    with Bus(server.url) as bus:
        stop = threading.Event()

        def close_again_and_again():
            while not stop.is_set():
                bus.close()

        closer = threading.Thread(target=close_again_and_again)
        closer.start()
        try:
            at_once(lambda number: use(bus, number, events=10), 8)
        finally:
            stop.set()
            closer.join()
    eventually(lambda: not connections(server.url))


def test_publishers_that_share_a_bus_read_only_their_own_replies(bus):
    """Only the cancelled or superseded document is affected."""
    barrier = threading.Barrier(THREADS)

    def work(number):
        name = f"d{number}"
        try:
            with report(name, step="ocr", bus=bus, per_second=1e9) as progress:
                progress.advance()
                barrier.wait(patient(60))
                if number == 3:
                    bus.request_cancel({name: 1})
                if number == 4:
                    bus.publish(event(name, attempt=2))
                for _ in progress.track(range(40)):
                    pass
        except (Cancelled, Superseded) as error:
            return type(error)
        return None

    ended = at_once(work)

    assert ended.index(Cancelled) == 3
    assert ended.index(Superseded) == 4
    assert ended.count(None) == THREADS - 2
    for number in set(range(THREADS)) - {3, 4}:
        assert bus.history(f"d{number}")[-1].status is Status.COMPLETED


def test_what_one_publisher_breaks_off_costs_no_other_its_events(server: Server):
    """The connection that one gives up is not where the other's end is."""
    with Bus(server.url) as bus:
        first, second = BufferedPublisher(bus), BufferedPublisher(bus)
        first.publish(event("a", attempt=1))
        second.publish(event("b", attempt=1))
        first.collect()
        # Redis answers nothing more: the end is posted, and on no disk.
        server.pause()
        first.publish_nowait(
            event("a", attempt=1, status=Status.COMPLETED, progress=100.0)
        )
        server.kill()
        second.publish(event("b", attempt=1, status=Status.COMPLETED, progress=100.0))
        server.start()

        first.close(patient(60))
        second.close(patient(60))

        assert bus.history("a")[-1].final
        assert bus.history("b")[-1].final


def test_many_threads_may_use_one_pipeline(pipeline: Pipeline, shared_home):
    def work(number):
        run = pipeline.submit([(f"{number}.txt", f"number {number} of many".encode())])
        run.wait(timeout=patient(60))
        again = pipeline.attach(run.id)
        found = pipeline.search(f"number {number} of many", run=run)
        events = again.events()
        return run.id, len(again.documents()), len(found), list(events["status"])

    done = at_once(work)

    assert len({run_id for run_id, *_ in done}) == THREADS
    for _, documents, found, statuses in done:
        assert (documents, found) == (1, 1)
        assert statuses[-1] == "completed"
        assert "processing" in statuses


def test_a_forked_process_may_use_its_parents_pipeline(pipeline: Pipeline):
    def submitted(what):
        pipeline.submit([("a.txt", what.encode())]).wait(timeout=patient(60))

    def child():
        at_once(lambda number: submitted(f"of child {os.getpid()}, {number}"), 4)

    stop = threading.Event()

    def go_on():
        while not stop.is_set():
            pipeline.bus.redis.ping()
            pipeline.connections.send_tasks([])

    submitted("of its parent")
    parent = threading.Thread(target=go_on)
    parent.start()
    try:
        for _ in range(2):
            process = multiprocessing.get_context("fork").Process(target=child)
            process.start()
            process.join(patient(120))
            assert process.exitcode == 0
    finally:
        stop.set()
        parent.join()
    submitted("of its parent again")


def test_a_closed_pipeline_leaves_no_connection(server: Server, tmp_path):
    with Pipeline(redis_url=server.url, home=tmp_path) as pipeline:
        at_once(lambda number: pipeline.bus.publish(event(f"d{number}")))
    eventually(lambda: not connections(server.url))
    assert not [
        one
        for one in psutil.Process().net_connections("unix")
        if one.raddr == str(server.socket)
    ]
