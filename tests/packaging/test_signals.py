"""The suite passes if it was started with ignored signals."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

IGNORING = 'trap "" HUP INT QUIT TERM; exec "$@"'
ACTION = "import signal, sys; print(signal.getsignal(int(sys.argv[1])).name)"


@pytest.mark.parametrize("name", ["SIGHUP", "SIGQUIT", "SIGTERM"])
def test_child_processes_get_the_default_action(name):
    command = [sys.executable, "-c", ACTION, str(signal.Signals[name].value)]

    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "SIG_DFL"


def test_child_processes_can_be_interrupted():
    code = "import os, signal; os.kill(os.getpid(), signal.SIGINT)"

    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=False
    )

    assert done.returncode == -signal.SIGINT


@pytest.mark.parametrize("processes", ["0", pytest.param("1", marks=pytest.mark.slow)])
def test_ignored_signals_are_not_inherited_by_tests(processes):
    """As from `sh -c "pytest &"` and `nohup pytest`."""
    # Plugins that take seconds to import and have no part in this are left out.
    plugins = ["-p", "no:schemathesis", "-p", "no:nbval"]
    command = [sys.executable, "-m", "pytest", "-q", *plugins, "-n", processes]

    done = subprocess.run(
        ["sh", "-c", IGNORING, "sh", *command, "-k", "child", str(Path(__file__))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stdout
    assert "4 passed" in done.stdout
