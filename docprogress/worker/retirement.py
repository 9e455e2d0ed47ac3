"""Delete the files and results of documents that were retired.

They are retired when a newer version is completed or their file is missing, and are no
longer visible. The workers, and the next sync of a folder, delete their data.
"""

import logging

from docprogress.errors import DocProgressError
from docprogress.settings import redacted
from docprogress.storage import Files
from docprogress.store import Store

log = logging.getLogger(__name__)

#: Documents that are deleted at once.
TOGETHER = 100


def discard_retired(store: Store, files: Files) -> int:
    """Delete the data of some retired documents; returns how many."""
    ids = store.sources.discardable(limit=TOGETHER)
    for document_id in ids:
        files.delete(document_id)
    store.sources.discard(ids)
    return len(ids)


def try_to_discard(store: Store, files: Files) -> None:
    """The same, leaving failures to the next time."""
    try:
        discard_retired(store, files)
    except DocProgressError as error:
        log.warning("earlier versions will be deleted later: %s", redacted(str(error)))
