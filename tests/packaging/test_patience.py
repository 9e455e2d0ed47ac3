"""All deadlines of the tests scale by one setting."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from support.patience import patient

WAIT = "from support.services import eventually; eventually(lambda: False, seconds=10)"


def test_a_condition_is_waited_for_as_long_as_the_setting_says():
    environment = os.environ | {
        "DOCPROGRESS_TEST_PATIENCE": "0.02",
        "PYTHONPATH": str(Path(__file__).parents[1]),
    }

    done = subprocess.run(
        [sys.executable, "-c", WAIT],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=patient(60),
    )

    assert "AssertionError: not within 0.2 s" in done.stderr


def test_the_timeout_of_a_test_is_scaled(request, pytestconfig):
    mark = request.node.get_closest_marker("timeout")

    assert mark.args == (patient(float(pytestconfig.getini("timeout"))),)


@pytest.mark.timeout(7)
def test_the_timeout_that_a_test_asks_for_is_scaled(request):
    assert request.node.get_closest_marker("timeout").args == (patient(7),)
