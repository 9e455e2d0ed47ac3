"""Records as Arrow tables.

Vectors of one length are lists of a fixed size, which libraries read as matrices.
"""

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from docprogress.errors import ExportError
from docprogress.exports.records import COLUMNS, Record, What

if TYPE_CHECKING:
    import pyarrow as pa


def schema(what: What, dimensions: int | None = None) -> "pa.Schema":
    """The Arrow schema of a kind of record.

    Args:
        what: The kind.
        dimensions: The length of all vectors; None if they have none, or several.

    Raises:
        ExportError: pyarrow is not installed.
    """
    try:
        import pyarrow as pa
    except ImportError:
        raise ExportError(
            "Parquet and Arrow need pyarrow: pip install 'docprogress[arrow]'"
        ) from None

    def vector() -> Any:
        return pa.list_(pa.float32(), -1 if dimensions is None else dimensions)

    types: dict[str, Callable[[], Any]] = {
        "string": pa.string,
        "int32": pa.int32,
        "int64": pa.int64,
        "double": pa.float64,
        "list<string>": lambda: pa.list_(pa.string()),
        "list<list<string>>": lambda: pa.list_(pa.list_(pa.string())),
        "vector": vector,
        "timestamp": lambda: pa.timestamp("us", tz="UTC"),
    }
    columns = COLUMNS[what].items()
    return pa.schema([(name, types[kind]()) for name, kind in columns])


def table(records: Sequence[Record], fields: "pa.Schema") -> "pa.Table":
    """The records as an Arrow table of this schema."""
    import pyarrow as pa

    columns = [
        _vectors([record["vector"] for record in records], field.type)
        if field.name == "vector"
        else pa.array([record[field.name] for record in records], field.type)
        for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=fields)


def _vectors(values: list[Any], kind: Any) -> Any:
    """An array of vectors, which are copied as a whole, not number by number."""
    import pyarrow as pa

    if not pa.types.is_fixed_size_list(kind):
        return pa.array(values, kind)
    size = kind.list_size
    missing = np.fromiter((value is None for value in values), bool, len(values))
    matrix = np.zeros((len(values), size), np.float32)
    for row, value in zip(matrix, values, strict=True):
        if value is not None:
            if len(value) != size:
                raise ExportError(
                    f"a vector has {len(value)} numbers, and the others {size}: "
                    "export again once the run has ended"
                )
            row[:] = value
    return pa.FixedSizeListArray.from_arrays(
        pa.array(matrix.ravel()), type=kind, mask=pa.array(missing)
    )
