"""Find a run by its id, the beginning of its id, or `latest`."""

from contextlib import suppress

from docprogress.errors import RunNotFound
from docprogress.store import Store


def run_id(store: Store, which: str) -> str:
    """The id of the run that is meant.

    Raises:
        RunNotFound: There is none, or more than one.
    """
    with suppress(RunNotFound):
        return store.runs.get(which).id
    if which == "latest":
        found = store.runs.ids("", limit=1)
    else:
        # Two are enough to know that it is not unique.
        found = store.runs.ids(which, limit=2) if which else []
    if len(found) != 1:
        raise RunNotFound(which)
    return found[0]
