"""What versions that work together have to agree on: while machines are upgraded.

A run carries the number of the protocol that it was submitted by, and each protocol
has queues of its own.  A worker takes from those that it understands: what is newer
waits, whole, for a worker that is.  Nothing is ever understood by half.
"""

from collections.abc import Mapping
from typing import Any

from docprogress.version import __version__

#: Raised whenever a worker before this one could misunderstand a run's steps and
#: settings, or a message.  What is only added, and may be ignored, is no reason.
PROTOCOL = 1

#: The protocols that this version understands.
UNDERSTOOD = range(1, PROTOCOL + 1)

#: What is said of a document that this version may not touch.
NEWER = "Waiting for a worker of docprogress {} or later"


def stamp() -> dict[str, Any]:
    """What a run is marked with when it is submitted."""
    return {"protocol": PROTOCOL, "submitted_by": __version__}


def newer(settings: Mapping[str, Any]) -> str | None:
    """The version that a run of these settings needs; None if this one will do."""
    if settings.get("protocol", 1) in UNDERSTOOD:
        return None
    return str(settings.get("submitted_by", "a later version"))
