import threading
from contextlib import suppress

import pytest
from support.clock import Clock
from support.events import completed, event
from support.services import Server, eventually

from docprogress import report
from docprogress.bus.bus import Bus
from docprogress.errors import Cancelled, SettingsError, Superseded
from docprogress.events import Status
from docprogress.reporting.buffered_publisher import BufferedPublisher
from docprogress.reporting.step_progress import StepProgress


def step_progress(delivered, clock, **options):
    def publish(event):
        delivered.append(event)
        return False

    return StepProgress(publish, event(), step="ocr", clock=clock, **options)


def test_progress_is_published_no_more_often_than_configured():
    delivered, clock = [], Clock()
    progress = step_progress(delivered, clock, total=1000, per_second=20)
    progress.publish()

    for _ in range(1000):
        progress.advance()
        clock.seconds += 0.001

    assert 19 <= len(delivered) <= 22


def test_a_boundary_is_published_regardless_of_the_rate():
    delivered, clock = [], Clock()
    progress = step_progress(delivered, clock, total=10)

    progress.publish()
    progress.advance()
    progress.publish()

    assert [one.current for one in delivered] == [0, 1]


def test_progress_never_falls_and_never_reaches_100_by_itself():
    delivered, clock = [], Clock()
    progress = step_progress(delivered, clock, total=10, per_second=1e9)
    for current in (5, 3, 10, 20):
        progress.update(current)
        clock.seconds += 1

    shown = [one.progress for one in delivered]
    assert shown == sorted(shown)
    assert max(shown) < 100


def test_an_unknown_total_counts_without_a_fraction():
    delivered, clock = [], Clock()
    progress = step_progress(delivered, clock, unit="page", per_second=1e9)
    for _ in progress.track(letter for letter in "abc"):
        clock.seconds += 1

    assert delivered[-1].message == "ocr: 3 pages"
    assert delivered[-1].total is None


def test_a_span_is_the_share_of_the_document():
    delivered, clock = [], Clock()
    progress = step_progress(delivered, clock, total=4, span=(20, 60), per_second=1e9)
    progress.update(2)

    assert delivered[-1].progress == 40


def test_a_report_publishes_start_progress_and_end(bus):
    with report("a", step="ocr", total=3, unit="page", bus=bus) as progress:
        for _ in progress.track(["x", "y", "z"]):
            pass

    history = bus.history("a")
    assert history[0].status is Status.PROCESSING
    assert history[-1].status is Status.COMPLETED
    assert history[-1].current == 3


def test_a_report_that_raises_has_failed_where_it_was(bus):
    with suppress(ValueError), report("a", step="ocr", total=4, bus=bus) as progress:
        progress.update(2)
        raise ValueError("page 3 is torn")

    end = bus.history("a")[-1]
    assert end.status is Status.FAILED
    assert end.error == "page 3 is torn"
    assert end.progress == 50


def test_a_report_can_be_made_again_for_the_same_document(bus):
    for _ in range(2):
        with report("a", step="ocr", bus=bus):
            pass

    assert [one.position[0] for one in bus.history("a") if one.final] == [1, 2]


def test_a_report_of_one_step_of_several_leaves_the_document_unfinished(bus):
    with report("a", step="ocr", span=(0, 40), total=1, bus=bus) as progress:
        progress.advance()

    end = bus.history("a")[-1]
    assert not end.final
    assert end.progress == 40

    with report("a", step="index", span=(40, 100), bus=bus):
        pass
    assert bus.history("a")[-1].status is Status.COMPLETED


def test_a_report_ends_when_it_is_cancelled(bus):
    with pytest.raises(Cancelled):
        with report("a", step="ocr", total=100, bus=bus, per_second=1e9) as progress:
            bus.request_cancel({"a": 1})
            for _ in progress.track(range(100)):
                pass

    assert bus.history("a")[-1].status is Status.CANCELLED


def test_a_report_of_an_old_attempt_is_superseded(bus):
    with pytest.raises(Superseded):
        with report("a", step="ocr", attempt=1, bus=bus, per_second=1e9) as progress:
            bus.publish(event(attempt=2))
            progress.advance()

    assert bus.history("a")[-1].position[0] == 2


def test_a_report_needs_a_redis_to_report_to():
    with pytest.raises(SettingsError, match="DOCPROGRESS_REDIS_URL"):
        with report("a", step="ocr"):
            pass


def test_a_report_finds_redis_in_the_environment(redis_url, monkeypatch, bus):
    monkeypatch.setenv("DOCPROGRESS_REDIS_URL", redis_url)

    with report("a", step="ocr"):
        pass

    assert bus.history("a")[-1].final


def test_work_continues_while_redis_is_unavailable(server: Server, caplog):
    server.kill()
    with Bus(server.url) as bus:
        publisher = BufferedPublisher(bus)
        for progress in range(100):
            assert (
                publisher.publish(event(attempt=1, progress=float(progress))) is False
            )
        publisher.publish(completed(attempt=1))
        assert not publisher.flush(0.05)

        server.start()

        assert publisher.flush(20)
        assert [one.final for one in bus.history("a")] == [True], "the newest alone"
        publisher.close()
    warnings = [one for one in caplog.records if one.levelname == "WARNING"]
    assert len(warnings) == 1


def test_delayed_events_are_published_before_new_ones(server: Server):
    with Bus(server.url) as bus:
        publisher = BufferedPublisher(bus)
        server.kill()
        publisher.publish(event(attempt=1, progress=10.0))
        publisher.publish(completed(attempt=1))
        server.start()
        publisher.publish(event(attempt=1, document_id="b"))

        assert publisher.flush(20)
        eventually(lambda: bus.history("b"))
        assert [one.final for one in bus.history("a")] == [True]
        publisher.close()


def test_a_publisher_superseded_during_an_outage_raises(server: Server):
    with Bus(server.url) as bus:
        publisher = BufferedPublisher(bus)
        publisher.publish(event(attempt=1))
        server.kill()
        publisher.publish(event(attempt=1, progress=20.0))
        server.start()
        bus.publish(event(attempt=2))

        assert publisher.flush(20)
        with pytest.raises(Superseded):
            publisher.publish(event(attempt=1, progress=30.0))
        publisher.close()


def test_answers_after_a_superseded_event_are_read_as_well(bus):
    publisher = BufferedPublisher(bus, clock=Clock())
    publisher.publish_nowait(event())
    bus.publish(event(attempt=3))
    publisher.publish_nowait(event(progress=1.0))

    with pytest.raises(Superseded) as error:
        publisher.publish(completed(attempt=2))

    assert error.value.attempt == 2
    publisher.close()


def test_publishing_from_many_threads_loses_nothing(bus):
    publisher = BufferedPublisher(bus)

    def story(document_id):
        for progress in range(20):
            publisher.publish(
                event(attempt=1, document_id=document_id, progress=float(progress))
            )
        publisher.publish(completed(attempt=1, document_id=document_id))

    names = [f"d{number}" for number in range(8)]
    threads = [threading.Thread(target=story, args=(name,)) for name in names]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert all(bus.history(name)[-1].final for name in names)
    assert all(len(bus.history(name)) == 21 for name in names)
    publisher.close()
