"""Measures how long real events take until they are seen.

`measure(pipeline)` publishes events through the bus to the pipeline's Redis, and
records when each arrives and is seen:

::

    another process ──▶ Redis ──▶ this kernel's view ──▶ painted by the page
                          └─────▶ docprogress serve ───▶ clients of its streams

All processes of a machine share one clock (`CLOCK_MONOTONIC`, which is never set), so
their moments can be compared. Two moments are derived instead:

* When Redis had an event. That was after it was sent, and before both the answer and
  its arrival. The middle is taken; its uncertainty is half of the interval.
* When the page painted it. A page has its own clock, whose offset is measured by
  round trips as in NTP (RFC 5905, section 8): the kernel asks at `t1`, the page answers
  with its own time `t2`, the answer arrives at `t4`, and the clock is ahead by
  `t2 - (t1 + t4) / 2`, give or take `(t4 - t1) / 2`. The fastest of several round trips
  counts, because it is the least uncertain (section 10).

If an event is overtaken, so that only a newer one of its document arrives, it counts as
arrived with that one.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docprogress.latency.measurement import ClockOffset, Measurement
    from docprogress.latency.runner import measure

__all__ = ["ClockOffset", "Measurement", "measure"]

# Import lazily: the child processes need only a part of this.
_HOMES = {
    "ClockOffset": "measurement",
    "Measurement": "measurement",
    "measure": "runner",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            home = import_module(f"docprogress.latency.{_HOMES[name]}")
            globals()[name] = getattr(home, name)
            return globals()[name]
        raise AttributeError(f"module 'docprogress.latency' has no attribute {name!r}")


def __dir__() -> list[str]:
    return list(__all__)
