"""Where a search looks: runs, a case, documents, a kind of passage, a language."""

from collections.abc import Callable, Iterable
from typing import TypeVar

from docprogress.client.results import DocumentHandle
from docprogress.client.run_lookup import run_id
from docprogress.errors import SearchError
from docprogress.store import DocumentRow, Store
from docprogress.store.search_filter import SearchFilter

T = TypeVar("T")

#: Documents, by id or name, or as `run[…]` and `run.documents()` give them.
Documents = (
    str | DocumentHandle | DocumentRow | Iterable[str | DocumentHandle | DocumentRow]
)


def search_scope(
    store: Store,
    *,
    run: object = None,
    case_id: str | None = None,
    documents: object = None,
    kind: str | None = None,
    language: str | None = None,
) -> SearchFilter:
    """The filter of a search.

    Raises:
        RunNotFound: There is no such run.
        DocumentNotFound: There is no such document there.
        SearchError: A value is something else than it should be.
    """
    for name, value in (("case_id", case_id), ("kind", kind), ("language", language)):
        if value is not None and not isinstance(value, str):
            raise SearchError(f"{name}={value!r}: it must be a string")
    where = SearchFilter(
        run_ids=_several(run, lambda each: run_id(store, _id(each, "run"))),
        case_id=case_id,
        kind=kind,
        language=language,
    )
    wanted = _several(documents, lambda each: _id(each, "document"))
    return where if wanted is None else store.passages.among(wanted, where)


def _several(given: object, convert: Callable[[object], T]) -> tuple[T, ...] | None:
    """Each of what was given, which may be one or several."""
    if given is None:
        return None
    if isinstance(given, str) or not isinstance(given, Iterable):
        given = [given]
    return tuple(dict.fromkeys(map(convert, given)))


def _id(given: object, what: str) -> str:
    found = given if isinstance(given, str) else getattr(given, "id", None)
    if not isinstance(found, str):
        raise SearchError(f"{given!r} is not a {what}: pass its id")
    return found
