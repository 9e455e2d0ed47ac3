"""Write records to Parquet, JSON Lines and CSV files, some at a time."""

import csv
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import IO, Any, Literal, Protocol

import msgspec

from docprogress.exports import arrow
from docprogress.exports.records import COLUMNS, Record, What
from docprogress.exports.spreadsheets import as_cell

Format = Literal["parquet", "jsonl", "csv", "markdown"]

#: About how many bytes a row group of a Parquet file has before it is compressed, and a
#: page of one of its columns: what is being written is held several times.
ROW_GROUP_BYTES = 2 * 1024 * 1024
_PAGE_BYTES = 128 * 1024

#: Columns that have many equal values. Without a list, dictionaries are made of all
#: columns: of vectors this takes four times as long as all the rest.
_REPEATED = (
    *("document_id", "document", "kind", "headings.list.element", "status", "error"),
    *("media_type", "engine", "parent_id"),
)

#: Characters that a cell of a CSV file cannot contain without quotation marks.
_SPECIAL = re.compile(r'[",\r\n]')


class Writer(Protocol):
    """Writes one file."""

    def write(self, records: Sequence[Record]) -> None: ...
    def close(self) -> None: ...


class ParquetFile:
    """A Parquet file in row groups of some megabytes."""

    def __init__(self, path: Path, what: What, *, dimensions: int | None) -> None:
        self._schema = arrow.schema(what, dimensions)
        from pyarrow.parquet import ParquetWriter

        self._path = path
        self._writer: Any = ParquetWriter(
            path,
            self._schema,
            compression="zstd",
            use_dictionary=list(_REPEATED),
            data_page_size=_PAGE_BYTES,
        )
        self._records: list[Record] = []
        self._bytes = 0

    def write(self, records: Sequence[Record]) -> None:
        self._records += records
        self._bytes += sum(map(_size, records))
        if self._bytes >= ROW_GROUP_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._records:
            table = arrow.table(self._records, self._schema)
            self._records = []
            self._bytes = 0
            self._writer.write_table(table)

    def close(self) -> None:
        try:
            self._flush()
        finally:
            self._writer.close()
        with self._path.open("rb") as file:
            os.fsync(file.fileno())


class JsonLinesFile:
    """A file with a JSON object in each line, in UTF-8."""

    def __init__(self, path: Path, what: What, *, dimensions: int | None) -> None:  # noqa: ARG002
        self._file = path.open("wb")
        self._encoder = msgspec.json.Encoder(enc_hook=_plain)

    def write(self, records: Sequence[Record]) -> None:
        self._file.write(self._encoder.encode_lines(records))

    def close(self) -> None:
        _close(self._file)


class CsvFile:
    """A CSV file in UTF-8, with a header; lists are JSON.

    No cell is a formula for a spreadsheet program.
    """

    def __init__(self, path: Path, what: What, *, dimensions: int | None) -> None:  # noqa: ARG002
        self._file = path.open("w", encoding="utf-8", newline="")
        self._names = list(COLUMNS[what])
        self._file.write(",".join(self._names) + "\r\n")

    def write(self, records: Sequence[Record]) -> None:
        for record in records:
            cells = [_cell(record[name]) for name in self._names]
            self._file.write(",".join(cells) + "\r\n")

    def close(self) -> None:
        _close(self._file)


def write_table(path: Path, rows: Iterable[Iterable[str]]) -> None:
    """Write a table to a CSV file of its own."""
    with path.open("w", encoding="utf-8", newline="") as file:
        csv.writer(file).writerows(map(as_cell, row) for row in rows)


WRITERS: dict[str, type[ParquetFile | JsonLinesFile | CsvFile]] = {
    "parquet": ParquetFile,
    "jsonl": JsonLinesFile,
    "csv": CsvFile,
}


def _cell(value: Any) -> str:
    """A value as `csv.writer` writes it, which takes six times as long for vectors."""
    if value is None:
        return ""
    if isinstance(value, str):
        return _quoted(as_cell(value))
    if isinstance(value, list):
        return _quoted(msgspec.json.encode(value).decode())
    if hasattr(value, "tolist"):
        return f'"{msgspec.json.encode(value.tolist()).decode()}"'
    return str(value)


def _quoted(text: str) -> str:
    if _SPECIAL.search(text):
        return '"' + text.replace('"', '""') + '"'
    return text


def _size(record: Record) -> int:
    """About how many bytes a record has."""
    size = 600
    for value in record.values():
        if isinstance(value, str):
            size += len(value)
        elif hasattr(value, "nbytes"):
            size += value.nbytes
    if rows := record.get("rows"):
        size += sum(60 + len(cell) for row in rows for cell in row)
    return size


def _plain(value: Any) -> Any:
    return value.tolist()


def _close(file: IO[Any]) -> None:
    with file:
        file.flush()
        os.fsync(file.fileno())
