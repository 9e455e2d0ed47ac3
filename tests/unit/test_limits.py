"""The limit of a step, enforced in its worker process."""

import os
import signal

import pytest

from docprogress.errors import HandedBack, StoreUnavailable
from docprogress.worker.limits import HAND_BACK_SIGNAL, LimitEnforcer


@pytest.fixture
def limit():
    signals = (signal.SIGALRM, HAND_BACK_SIGNAL)
    before = {number: signal.getsignal(number) for number in signals}
    yield LimitEnforcer(memory=1 << 40).guard(0)
    for number, handler in before.items():
        signal.signal(number, handler)


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
