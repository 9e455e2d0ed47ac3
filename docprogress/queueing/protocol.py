"""Compatibility of versions that share queues and a database during an upgrade.

A run records the protocol it was submitted with, and each protocol has queues of its
own. A worker consumes the queues of the protocols that it understands, and runs of a
later protocol wait for a later worker.
"""

from collections.abc import Mapping
from typing import Any

from docprogress.version import __version__

#: Incremented whenever an earlier worker could misinterpret a run's steps, its settings
#: or a message. Additions that may be ignored do not count.
PROTOCOL = 1

#: The protocols that this version understands.
UNDERSTOOD = range(1, PROTOCOL + 1)

#: The message of a document that waits for a worker of a later version.
NEWER_WORKER_NEEDED = "Waiting for a worker of docprogress {} or later"


def stamp() -> dict[str, Any]:
    """The entries that a submitted run has in its settings."""
    return {"protocol": PROTOCOL, "submitted_by": __version__}


def required_version(settings: Mapping[str, Any]) -> str | None:
    """The version that a run with these settings needs; None if this one suffices."""
    if settings.get("protocol", 1) in UNDERSTOOD:
        return None
    return str(settings.get("submitted_by", "a later version"))
