"""The process that publishes the events of a measurement, as a worker would.

It is told by its input what to publish and when to begin, and tells by its output,
once it is done, when each event was sent and when Redis had answered.  It ends with
whoever started it: when its input ends.
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
from docprogress.latency.plan import REMEMBER, Plan, clock

#: How many times as long as it should publishing may take, and seconds more.
LATE = 1.5
LATE_SECONDS = 1.0

#: What it says when all documents are there, and what it is told when to begin.
READY = b"ready\n"
GO = b"go\n"


def main() -> None:
    """Publish what standard input says, and tell when that was."""
    given = json.loads(sys.stdin.buffer.readline())
    plan = Plan.from_dict(given["plan"])
    ended = threading.Event()
    try:
        with Bus(given["url"], remember_seconds=REMEMBER) as bus:
            bus.publish_all([plan.waiting(index) for index in range(plan.documents)])
            sys.stdout.buffer.write(READY)
            sys.stdout.buffer.flush()
            if sys.stdin.buffer.readline() == GO:
                threading.Thread(target=_listen, args=(ended,), daemon=True).start()
                moments = _published(bus, plan, ended)
                sys.stdout.buffer.write(moments.tobytes())
    except DocProgressError as error:
        sys.exit(str(error))


def _published(bus: Bus, plan: Plan, ended: threading.Event) -> "array[float]":
    """When each event was sent, and answered, one after the other.

    Where that takes much longer than it should, only the ends are published of what
    is left: not a number stands for the others.
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
    # Not by the buffer: at the end of the process nobody may be waiting in there.
    while os.read(sys.stdin.fileno(), 1024):
        pass
    ended.set()


if __name__ == "__main__":
    main()
