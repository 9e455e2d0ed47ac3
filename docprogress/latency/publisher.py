"""The process that publishes the events of a measurement, as a worker would.

Its input says what to publish and when to start. Its output contains when each event
was sent and when Redis had answered. It ends when its input ends, and with it when its
parent ends.
"""

import json
import math
import os
import sys
import threading
import time
from array import array

from docprogress.bus.bus import Bus
from docprogress.errors import DocProgressError
from docprogress.latency.plan import REMEMBER_SECONDS, Plan, clock

#: The most time for publishing: a multiple of the planned time, plus seconds.
LATE = 1.5
LATE_SECONDS = 1.0

#: Its output when all documents are known, and the input that starts it.
READY = b"ready\n"
GO = b"go\n"


def main() -> None:
    """Publish what standard input describes, and write when that happened."""
    parameters = json.loads(sys.stdin.buffer.readline())
    plan = Plan.from_dict(parameters["plan"])
    ended = threading.Event()
    try:
        with Bus(parameters["url"], remember_seconds=REMEMBER_SECONDS) as bus:
            bus.publish_all([plan.waiting(index) for index in range(plan.documents)])
            sys.stdout.buffer.write(READY)
            sys.stdout.buffer.flush()
            if sys.stdin.buffer.readline() == GO:
                threading.Thread(target=_listen, args=(ended,), daemon=True).start()
                moments = _publish_all(bus, plan, ended)
                sys.stdout.buffer.write(moments.tobytes())
    except DocProgressError as error:
        sys.exit(str(error))


def _publish_all(bus: Bus, plan: Plan, ended: threading.Event) -> "array[float]":
    """Publish all events; return when each was sent and answered, alternately.

    If that takes much too long, only the final events of the rest are published, and
    the moments of the others are NaN.
    """
    moments = array("d")
    begun = clock()
    late = begun + LATE * plan.events / plan.rate + LATE_SECONDS
    for position in range(plan.events):
        if ended.is_set():
            break
        if clock() > late and not plan.ends(position):
            moments.extend((math.nan, math.nan))
            continue
        time.sleep(max(begun + position / plan.rate - clock(), 0.0))
        event = plan.event(position)
        moments.append(clock())
        bus.publish(event)
        moments.append(clock())
    return moments


def _listen(ended: threading.Event) -> None:
    # Bypass the buffered reader: its lock must be free when the process ends.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.set()


if __name__ == "__main__":
    main()
