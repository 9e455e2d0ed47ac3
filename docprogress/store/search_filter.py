"""Which chunks a search considers."""

from dataclasses import dataclass

import sqlalchemy as sa

from docprogress.events import Status
from docprogress.store import schema

#: Documents that searches and exports see: completed ones that no newer version has
#: replaced, and that are still in the folder that they came from.
CURRENT = sa.and_(
    schema.document.c.status == Status.COMPLETED.value,
    schema.document.c.retired_at.is_(None),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class SearchFilter:
    """Which chunks a search considers: those that meet every condition given."""

    #: Runs, by id.
    run_ids: tuple[str, ...] | None = None
    case_id: str | None = None
    #: Documents, by id.
    document_ids: tuple[str, ...] | None = None
    #: Documents, by name.
    names: tuple[str, ...] | None = None
    #: `text`, `table`, `code`, `list` or a step's own kind.
    kind: str | None = None
    #: The document's language, as its metadata has it: `en`, `de`, …
    language: str | None = None
