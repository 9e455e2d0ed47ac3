"""Write records to Parquet, JSON Lines and CSV files."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Literal

from docprogress.errors import ExportError
from docprogress.exports.records import COLUMNS, Record, What, as_json, as_text, table

Format = Literal["parquet", "jsonl", "csv", "markdown"]


def write_parquet(path: Path, what: What, records: list[Record]) -> None:
    """Write a Parquet file.

    Raises:
        ExportError: pyarrow is not installed.
    """
    try:
        from pyarrow import parquet
    except ImportError:
        raise ExportError(
            "Parquet needs pyarrow: pip install 'docprogress[arrow]'"
        ) from None
    parquet.write_table(table(what, records), path, compression="zstd")


def write_jsonl(path: Path, what: What, records: list[Record]) -> None:  # noqa: ARG001
    """Write a file with a JSON object in each line, in UTF-8."""
    with path.open("w", encoding="utf-8", newline="\n") as file:
        for record in records:
            file.write(as_json(record) + "\n")


def write_csv(path: Path, what: What, records: list[Record]) -> None:
    """Write a CSV file in UTF-8, with a header; lists are JSON."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(COLUMNS[what]))
        writer.writeheader()
        writer.writerows(map(as_text, records))


WRITERS: dict[str, Callable[[Path, What, list[Record]], None]] = {
    "parquet": write_parquet,
    "jsonl": write_jsonl,
    "csv": write_csv,
}
