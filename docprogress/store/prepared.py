"""Statements that a worker makes for every document, by the shortest way.

SQLAlchemy takes three times as long for such a statement as SQLite does.  So it is
compiled by SQLAlchemy once, and given to SQLite's driver from then on.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, TextClause, UpdateBase
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Values = Mapping[str, Any]
_Processor = Callable[[Any], Any]


class Prepared:
    """A statement whose values differ, and whose columns are a table's, if any."""

    def __init__(self, statement: UpdateBase | TextClause) -> None:
        self._statement = statement
        # One for each set of names that values were given for.
        self._made: dict[tuple[str, ...], _Made] = {}

    def one_or_none(
        self, connection: Connection, values: Values
    ) -> Sequence[Any] | None:
        """The only row that it gives, if there is one."""
        if connection.dialect.name != "sqlite":
            return connection.execute(self._statement, values).one_or_none()
        made = self._for(connection, values)
        row = _driver(connection).execute(made.sql, made.bound(values)).fetchone()
        return None if row is None else made.read(row)

    def run(self, connection: Connection, *several: Values) -> None:
        """Execute it for each of these, which have values for the same names."""
        if connection.dialect.name != "sqlite":
            single = len(several) == 1
            connection.execute(self._statement, several[0] if single else several)
            return
        made = self._for(connection, several[0])
        _driver(connection).executemany(made.sql, map(made.bound, several))

    def _for(self, connection: Connection, values: Values) -> "_Made":
        names = tuple(values)
        made = self._made.get(names)
        if made is None:
            compiled = self._statement.compile(
                dialect=connection.dialect, column_keys=list(names)
            )
            assert isinstance(compiled, SQLCompiler)
            made = self._made[names] = _Made(compiled)
        return made


class _Made:
    """What the driver is given, and how values become its own, and back."""

    def __init__(self, compiled: SQLCompiler) -> None:
        dialect = compiled.dialect
        self.sql = str(compiled)
        fixed = compiled.params
        self._binds = [
            (name, fixed[name], _to(dialect, compiled.binds[name].type))
            for name in compiled.positiontup or ()
        ]
        returned = getattr(compiled.statement, "exported_columns", ())
        self._columns = [
            (place, read)
            for place, column in enumerate(returned)
            if (read := _from(dialect, column.type)) is not None
        ]

    def bound(self, values: Values) -> list[Any]:
        bound = []
        for name, fixed, to in self._binds:
            value = values.get(name, fixed)
            bound.append(value if to is None else to(value))
        return bound

    def read(self, row: Sequence[Any]) -> list[Any]:
        found = list(row)
        for place, read in self._columns:
            found[place] = read(found[place])
        return found


def _to(dialect: Any, kind: TypeEngine[Any]) -> _Processor | None:
    return kind.dialect_impl(dialect).bind_processor(dialect)


def _from(dialect: Any, kind: TypeEngine[Any]) -> _Processor | None:
    return kind.dialect_impl(dialect).result_processor(dialect, None)


def _driver(connection: Connection) -> Any:
    return connection.connection.driver_connection
