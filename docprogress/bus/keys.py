"""Every Redis key of docprogress, with its type and lifetime.

No other module builds a key, except that Celery's queues are named in `queueing`.
Keys marked *retention* expire `Settings.remember_seconds` after their last event.
"""

import hashlib

#: String, expires after so many seconds: a process is still submitting the run.
SUBMITTING_SECONDS = 15

#: String, expires after so many seconds: the encrypted passwords of a run.
PASSWORDS_SECONDS = 24 * 60 * 60

#: String, expires after so many seconds: the encrypted URL of a sink.
SINK_SECONDS = 30 * 24 * 60 * 60

#: String, expires after so many seconds: a worker serves the queue, or the protocol.
SERVED_SECONDS = 15

#: String, expires after so many seconds: the worker that recovers lost documents.
RECOVERY_LEADER_SECONDS = 5

#: String, expires after so many seconds: the worker that last searched for lost
#: documents.
LAST_RECOVERY_SECONDS = 24 * 60 * 60

#: Hash without expiry: the documents that have a lease, or had one whose owner died,
#: each with the duration of the lease in milliseconds.
LEASED_DOCUMENTS = "documents:leased"

#: Sorted set without expiry: queues, each with when the last message was sent that a
#: worker has taken from it.
LAST_TAKEN = "documents:taken"


def document_channel(document_id: str) -> str:
    """Channel and stream (retention): the events of a document."""
    return f"document:{document_id}:progress"


def run_channel(run_id: str) -> str:
    """Channel and hash (retention): the newest event of each document of a run."""
    return f"run:{run_id}:progress"


def counts_key(run_id: str) -> str:
    """Hash (retention): each status with the number of documents that have it."""
    return f"run:{run_id}:counts"


def cancel_key(document_id: str) -> str:
    """String (retention): the attempt that is to be cancelled."""
    return f"document:{document_id}:cancel"


def lease_key(document_id: str) -> str:
    """String, expires unless the lease is renewed: the owner of a document."""
    return f"document:{document_id}:lease"


def waiting_key(document_id: str) -> str:
    """String, one day: since when an attempt waits for an external service."""
    return f"document:{document_id}:waiting"


def outage_key(service: str) -> str:
    """String, one day: the outage of an external service."""
    return f"documents:outage:{service}"


def submitting_key(run_id: str) -> str:
    """String (`SUBMITTING_SECONDS`): exists while the run is being submitted."""
    return f"run:{run_id}:submitting"


def passwords_key(run_id: str) -> str:
    """String (`PASSWORDS_SECONDS`): the encrypted passwords of a run's documents."""
    return f"run:{run_id}:passwords"


def sink_key(sink: str) -> str:
    """String (`SINK_SECONDS`): the encrypted URL of a sink, with its secrets."""
    return f"documents:sink:{hashlib.sha256(sink.encode()).hexdigest()[:16]}"


def protocol_alive_key(protocol: int) -> str:
    """String (`SERVED_SECONDS`): exists while a worker understands the protocol."""
    return f"documents:workers:{protocol}"


def queue_served_key(queue_name: str) -> str:
    """String (`SERVED_SECONDS`): exists while a worker serves the queue."""
    return f"{queue_name}:served"


def recovery_leader_key(protocol: int) -> str:
    """String (`RECOVERY_LEADER_SECONDS`): the worker that recovers documents."""
    return f"documents:reaper:{protocol}"


def last_recovery_key(protocol: int) -> str:
    """String (`LAST_RECOVERY_SECONDS`): the worker that last searched for documents.

    Its age follows from its time to live.
    """
    return f"{recovery_leader_key(protocol)}:looked"
