"""Statements that workers execute for every document, compiled only once.

Executing such a statement takes SQLAlchemy three times as long as it takes SQLite. So
it is compiled by SQLAlchemy once, and passed to SQLite's driver from then on.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import islice
from typing import Any, TypeVar

from sqlalchemy import Connection, TextClause, UpdateBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

T = TypeVar("T")

#: The maximum number of ids in one statement.
IDS_PER_STATEMENT = 1000

Values = Mapping[str, Any]
_Processor = Callable[[Any], Any]


class CompiledStatement:
    """A statement that is executed many times, with differing values."""

    def __init__(self, statement: UpdateBase | TextClause) -> None:
        self._statement = statement
        # By the names of the values.
        self._bound: dict[tuple[str, ...], BoundStatement] = {}

    def one_or_none(
        self, connection: Connection, values: Values
    ) -> Sequence[Any] | None:
        """The only row of the result, if there is one."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).one_or_none()
        bound = self._bind(connection, values)
        cursor = _driver(connection).execute(bound.sql, bound.parameters(values))
        row = cursor.fetchone()
        return None if row is None else bound.convert(row)

    def run(self, connection: Connection, *several: Values) -> None:
        """Execute it once for each of these, which must have the same names."""
        if connection.dialect.name != "sqlite":
            single = len(several) == 1
            connection.execute(self._statement, several[0] if single else several)
            return
        bound = self._bind(connection, several[0])
        _driver(connection).executemany(bound.sql, map(bound.parameters, several))

    def _bind(self, connection: Connection, values: Values) -> "BoundStatement":
        names = tuple(values)
        bound = self._bound.get(names)
        if bound is None:
            compiled = self._statement.compile(
                dialect=connection.dialect, column_keys=list(names)
            )
            assert isinstance(compiled, SQLCompiler)
            bound = self._bound[names] = BoundStatement(compiled)
        return bound


class BoundStatement:
    """SQL for the driver, with the conversions of parameters and columns."""

    def __init__(self, compiled: SQLCompiler) -> None:
        dialect = compiled.dialect
        self.sql = str(compiled)
        defaults = compiled.params
        self._parameters = [
            (name, defaults[name], _bind_processor(dialect, compiled.binds[name].type))
            for name in compiled.positiontup or ()
        ]
        returned = getattr(compiled.statement, "exported_columns", ())
        self._columns = [
            (position, processor)
            for position, column in enumerate(returned)
            if (processor := _result_processor(dialect, column.type)) is not None
        ]

    def parameters(self, values: Values) -> list[Any]:
        """The driver's parameters, in the order of their placeholders."""
        bound = []
        for name, default, processor in self._parameters:
            value = values.get(name, default)
            bound.append(value if processor is None else processor(value))
        return bound

    def convert(self, row: Sequence[Any]) -> list[Any]:
        """The driver's row with the columns' Python types."""
        converted = list(row)
        for position, processor in self._columns:
            converted[position] = processor(converted[position])
        return converted


def batches(ids: Iterable[T], size: int = IDS_PER_STATEMENT) -> Iterator[list[T]]:
    """The ids, as many at a time as one statement takes."""
    rest = iter(ids)
    while some := list(islice(rest, size)):
        yield some


def _bind_processor(dialect: Any, kind: TypeEngine[Any]) -> _Processor | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _result_processor(dialect: Any, kind: TypeEngine[Any]) -> _Processor | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
