"""Write records to Parquet, JSON Lines and CSV files, some at a time."""

import csv
from pathlib import Path
from typing import Any, Literal, Protocol

from docprogress.errors import ExportError
from docprogress.exports.records import (
    COLUMNS,
    Record,
    What,
    as_json,
    as_text,
    schema,
    table,
)

Format = Literal["parquet", "jsonl", "csv", "markdown"]


class Writer(Protocol):
    """Writes one file."""

    def write(self, records: list[Record]) -> None: ...
    def close(self) -> None: ...


class ParquetFile:
    """A Parquet file with a row group for each `write`.

    Raises:
        ExportError: pyarrow is not installed.
    """

    def __init__(self, path: Path, what: What) -> None:
        try:
            from pyarrow.parquet import ParquetWriter
        except ImportError:
            raise ExportError(
                "Parquet needs pyarrow: pip install 'docprogress[arrow]'"
            ) from None
        self._what = what
        self._writer: Any = ParquetWriter(path, schema(what), compression="zstd")

    def write(self, records: list[Record]) -> None:
        self._writer.write_table(table(self._what, records))

    def close(self) -> None:
        self._writer.close()


class JsonLinesFile:
    """A file with a JSON object in each line, in UTF-8."""

    def __init__(self, path: Path, what: What) -> None:  # noqa: ARG002
        self._file = path.open("w", encoding="utf-8", newline="\n")

    def write(self, records: list[Record]) -> None:
        self._file.writelines(as_json(record) + "\n" for record in records)

    def close(self) -> None:
        self._file.close()


class CsvFile:
    """A CSV file in UTF-8, with a header; lists are JSON."""

    def __init__(self, path: Path, what: What) -> None:
        self._file = path.open("w", encoding="utf-8", newline="")
        self._writer = csv.DictWriter(self._file, list(COLUMNS[what]))
        self._writer.writeheader()

    def write(self, records: list[Record]) -> None:
        self._writer.writerows(map(as_text, records))

    def close(self) -> None:
        self._file.close()


WRITERS: dict[str, type[ParquetFile | JsonLinesFile | CsvFile]] = {
    "parquet": ParquetFile,
    "jsonl": JsonLinesFile,
    "csv": CsvFile,
}
