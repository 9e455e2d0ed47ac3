"""Which chunks a search considers."""

import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import ColumnElement
from sqlalchemy.dialects import postgresql
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from docprogress.events import Status
from docprogress.store import schema

_document = schema.document.c
_chunk = schema.chunk.c
_metadata = sa.type_coerce(_document.metadata, sa.Text)

#: Documents that searches and exports see: completed ones that no newer version has
#: replaced, and that are still in the folder that they came from.
CURRENT = sa.and_(
    # Most documents are completed. Databases without statistics would begin with the
    # index of this column nevertheless, however few documents are wanted by their ids.
    sa.func.coalesce(_document.status, "") == Status.COMPLETED.value,
    _document.retired_at.is_(None),
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

    @property
    def admits_all_documents(self) -> bool:
        """Whether it admits every document that is current."""
        conditions = self.run_ids, self.case_id, self.document_ids, self.names
        return self.language is None and all(each is None for each in conditions)

    def documents(self) -> ColumnElement[bool]:
        """The condition of the documents: current ones that the filter admits."""
        found = [CURRENT]
        for column, values in (
            (_document.run_id, self.run_ids),
            (_document.id, self.document_ids),
            (_document.name, self.names),
        ):
            if values is not None:
                found.append(any_of(column, values))
        if self.case_id is not None:
            found.append(_document.case_id == self.case_id)
        if self.language is not None:
            # Documents also name a region: `de-AT`.
            spoken = sa.func.lower(sa.func.replace(_Language(_metadata), "_", "-"))
            wanted = self.language.lower().replace("_", "-")
            found.append(
                sa.or_(
                    spoken == wanted, spoken.startswith(f"{wanted}-", autoescape=True)
                )
            )
        return sa.and_(*found)

    def chunks(self) -> ColumnElement[bool] | None:
        """The condition of a document's chunks; None if it admits all of them."""
        if self.kind is None:
            return None
        # Chunks of earlier versions have no kind.
        return sa.func.coalesce(_chunk.kind, "text") == self.kind


def any_of(
    column: ColumnElement[Any], values: Iterable[str | int]
) -> ColumnElement[bool]:
    """Whether the column has one of these values, however many there are."""
    # As one parameter, since databases limit how many a statement has.
    given = [schema.storable(v) if isinstance(v, str) else v for v in values]
    return _AnyOf(column, sa.literal(given, _Values()))


def read_first(column: ColumnElement[str]) -> ColumnElement[str]:
    """The column of a table that is read before those it is joined with.

    SQLite without statistics would begin with the other table, which has a row for
    each document, whatever few documents the filter admits.
    """
    return _ReadFirst(column)


class _Values(sa.TypeDecorator[list[str | int]]):
    """Values as one parameter: an array, or JSON for SQLite, which has no arrays."""

    impl = sa.Text
    cache_ok = True

    def load_dialect_impl(self, dialect: sa.Dialect) -> sa.types.TypeEngine[Any]:
        array = dialect.name == "postgresql"
        return dialect.type_descriptor(
            postgresql.ARRAY(sa.Text) if array else sa.Text()
        )

    def process_bind_param(
        self, value: list[str | int] | None, dialect: sa.Dialect
    ) -> Any:
        return value if dialect.name == "postgresql" else json.dumps(value)


class _AnyOf(FunctionElement[bool]):
    """Whether a column has one of the values."""

    type = sa.Boolean()
    inherit_cache = True

    def self_group(self, against: Any = None) -> "_AnyOf":  # noqa: ARG002
        """Itself: SQLAlchemy would compare it with 1, and SQLite use no index."""
        return self


class _ReadFirst(FunctionElement[str]):
    """A column without its index."""

    type = sa.Text()
    inherit_cache = True


class _Language(FunctionElement[str]):
    """The language in a document's metadata."""

    type = sa.Text()
    inherit_cache = True


@compiles(_AnyOf)
def _any_of_in_sqlite(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608


@compiles(_AnyOf, "postgresql")
def _any_of(element: _AnyOf, compiler: SQLCompiler, **options: Any) -> str:
    # Not a subquery, which the planner joins as it likes: as the last, if it takes the
    # other conditions for rare.
    column, values = (compiler.process(each, **options) for each in element.clauses)
    return f"{column} = ANY({values})"


@compiles(_ReadFirst)
def _read_first_in_sqlite(
    element: _ReadFirst, compiler: SQLCompiler, **options: Any
) -> str:
    return f"+{compiler.process(element.clauses, **options)}"


@compiles(_ReadFirst, "postgresql")
def _read_first(element: _ReadFirst, compiler: SQLCompiler, **options: Any) -> str:
    return compiler.process(element.clauses, **options)


@compiles(_Language)
def _language_in_sqlite(
    element: _Language, compiler: SQLCompiler, **options: Any
) -> str:
    given = compiler.process(element.clauses, **options)
    return f"CASE WHEN json_valid({given}) THEN json_extract({given}, '$.language') END"


@compiles(_Language, "postgresql")
def _language(element: _Language, compiler: SQLCompiler, **options: Any) -> str:
    # Reading it as JSON would raise an error for a number that is not one.
    given = compiler.process(element.clauses, **options)
    return f'substring({given} from \'"language": "([^"]+)"\')'
