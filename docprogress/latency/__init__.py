"""How long it takes until somebody sees what has happened, measured on the true path.

`measure(pipeline)` publishes real events through the bus into the pipeline's Redis,
and notes when each was heard and seen:

::

    another process ──▶ Redis ──▶ this kernel's view ──▶ painted by the page
                          └─────▶ docprogress serve ───▶ clients of its streams

All processes of a machine read one clock (`CLOCK_MONOTONIC`, which nobody sets), so
what they note can be compared as it is.  Two moments cannot be read there:

* When Redis had an event.  It was after `sent` and before both `answered` and
  `heard`: the middle of these is taken, and half of what is between is its
  uncertainty.
* When the page painted it.  A page has a clock of its own; how far it is ahead is
  found by round trips, as NTP does it (RFC 5905, section 8): the kernel asks at `t1`,
  the page answers with its own time `t2`, which arrives at `t4`, and the clock is
  ahead by `t2 - (t1 + t4) / 2`, give or take `(t4 - t1) / 2`.  The quickest of several
  round trips counts, for it is the least uncertain one (section 10).

An event that was overtaken, so that a newer one of its document was told instead,
counts from when that one was.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docprogress.latency.measurement import ClockOffset, Measurement
    from docprogress.latency.measuring import measure

__all__ = ["ClockOffset", "Measurement", "measure"]

# The processes that take part load what they need, and not what they do not.
_HOMES = {
    "ClockOffset": "measurement",
    "Measurement": "measurement",
    "measure": "measuring",
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
