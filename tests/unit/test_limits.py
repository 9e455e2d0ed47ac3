"""The time limit of a step, enforced in its worker process."""

import os
import signal
from contextlib import contextmanager, suppress

import pytest

from docprogress.errors import HandedBack, LimitExceeded, StoreUnavailable
from docprogress.worker.limits import GRACE_SECONDS, HAND_BACK_SIGNAL, LimitEnforcer


@pytest.fixture
def clock():
    """A clock that the test sets."""

    class Clock:
        now = 1000.0

        def __call__(self):
            return self.now

    return Clock()


@pytest.fixture
def limit(clock):
    signals = (signal.SIGALRM, HAND_BACK_SIGNAL)
    before = {number: signal.getsignal(number) for number in signals}
    yield LimitEnforcer(memory=1 << 40, clock=clock).guard(0)
    for number, handler in before.items():
        signal.signal(number, handler)


def alarm():
    """What the timer of the process does when it is due."""
    os.kill(os.getpid(), signal.SIGALRM)


def test_deferred_interrupt_is_raised_at_the_end_of_its_block(limit):
    passed = []
    with pytest.raises(HandedBack), limit.step(60.0):
        with limit.deferred():
            os.kill(os.getpid(), HAND_BACK_SIGNAL)
            passed.append("the block")
        passed.append("the rest of the step")
    assert passed == ["the block"]


def test_deferred_interrupt_is_raised_also_if_the_query_fails(limit):
    # Otherwise whoever waits for the database would try again, until killed.
    with pytest.raises(HandedBack), limit.step(60.0), limit.deferred():
        os.kill(os.getpid(), HAND_BACK_SIGNAL)
        raise StoreUnavailable("the database is unavailable")


def test_error_within_a_block_without_an_interrupt_is_raised_as_it_is(limit):
    with pytest.raises(StoreUnavailable), limit.step(60.0), limit.deferred():
        raise StoreUnavailable("the database is unavailable")


def test_step_that_makes_progress_may_take_longer_than_its_limit(limit, clock):
    with limit.step(10.0) as renew:
        for _ in range(500):
            clock.now += 9
            renew()
            alarm()


def test_step_without_progress_is_interrupted(limit, clock):
    with (
        pytest.raises(LimitExceeded, match=r"no progress for 10 s.*\(step_seconds\)"),
        limit.step(10.0) as renew,
    ):
        clock.now += 9
        renew()
        clock.now += 10
        alarm()


def test_total_limit_ends_a_step_that_makes_progress(limit, clock):
    passed = []
    with (
        pytest.raises(LimitExceeded, match=r"limit of 25 s \(total_seconds\)"),
        limit.step(10.0, 25.0) as renew,
    ):
        for _ in range(500):
            clock.now += 9
            renew()
            alarm()
            passed.append(clock.now)
    assert len(passed) == 2


@contextmanager
def process(work):
    """A process that does this, and says with `b"."` that it has begun."""
    ready, begun = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            work(lambda: os.write(begun, b"."))
        finally:
            os._exit(1)
    os.read(ready, 1)
    try:
        yield child
    finally:
        os.close(ready)
        os.close(begun)


@pytest.mark.parametrize("total", [None, 3600.0])
def test_native_code_that_makes_no_progress_is_killed(clock, total):
    enforcer = LimitEnforcer(memory=1 << 40, clock=clock)

    def hang(begun):
        with enforcer.guard(0).step(10.0, total) as renew:
            clock.now += 9
            renew()
            # As within a call of native code: no signal handler of Python runs.
            signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGALRM})
            begun()
            signal.pause()

    with process(hang) as child:
        clock.now += 9 + 10 + GRACE_SECONDS + 0.1
        enforcer.start()
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert "no progress for 10 s" in enforcer.reason(child)
        enforcer.close()


def test_progress_does_not_put_off_the_end_of_a_worker_that_stops(clock):
    enforcer = LimitEnforcer(memory=1 << 40, clock=clock)

    def go_on(begun):
        with enforcer.guard(0).step(10.0) as renew:
            with suppress(HandedBack):
                begun()
                while True:
                    renew()
            while True:
                renew()

    with process(go_on) as child:
        enforcer.stop_all()
        clock.now += GRACE_SECONDS + 0.1
        enforcer.start()
        assert os.waitpid(child, 0)[1] == signal.SIGKILL
        assert "asked to stop" in enforcer.reason(child)
        enforcer.close()
