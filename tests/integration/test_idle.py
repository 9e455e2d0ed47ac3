"""The cost of idle local services."""

import time

import psutil
import pytest
from support.patience import patient

from docprogress import Pipeline, local


@pytest.mark.slow
def test_idle_services_take_less_than_half_a_percent_of_a_core(home):
    with Pipeline(home=home, workers=2) as pipeline:
        pipeline.submit([("a.txt", b"text")]).wait(timeout=patient(120))
    services = local.status(home)
    supervisor = psutil.Process(services.pid)
    server = psutil.Process(services.redis_pid)
    [worker] = [each for each in supervisor.children() if each != server]
    # What follows the end of a run is not what is measured.
    time.sleep(10)

    def used():
        times = [each.cpu_times() for each in (supervisor, worker, server)]
        return sum(each.user + each.system for each in times)

    before, since = used(), time.monotonic()
    time.sleep(60)
    share = (used() - before) / (time.monotonic() - since)

    assert share < 0.005
