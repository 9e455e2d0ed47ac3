"""Records as Arrow tables.

Vectors of one length are lists of a fixed size, which libraries read as matrices.
"""

import os
import sys
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from docprogress.errors import ExportError
from docprogress.exports.records import COLUMNS, Record, What

if TYPE_CHECKING:
    import pyarrow as pa

_ALLOCATOR = "ARROW_DEFAULT_MEMORY_POOL"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def schema(what: What, dimensions: int | None = None) -> "pa.Schema":
    """The Arrow schema of a kind of record.

    Args:
        what: The kind.
        dimensions: The length of all vectors; None if they have none, or several.

    Raises:
        ExportError: pyarrow is not installed.
    """
    pa = _pyarrow()

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
        array([record[field.name] for record in records], field.type)
        for field in fields
    ]
    return pa.Table.from_arrays(columns, schema=fields)


def array(values: Sequence[Any], kind: Any) -> Any:
    """An Arrow array of this type; None is null.

    Its buffers are made here, since `pyarrow.array` imports pandas, which takes more
    memory than all of an export.
    """
    import pyarrow as pa

    count = len(values)
    present = [value for value in values if value is not None]
    validity = None
    if len(present) < count:
        valid = np.fromiter((value is not None for value in values), bool, count)
        validity = pa.py_buffer(np.packbits(valid, bitorder="little"))
    if pa.types.is_string(kind):
        encoded = [value.encode(errors="replace") for value in present]
        sizes = _sizes(values, encoded)
        return pa.Array.from_buffers(
            kind, count, [validity, sizes, pa.py_buffer(b"".join(encoded))]
        )
    if pa.types.is_fixed_size_list(kind):
        child = _flat(_matrix(values, kind.list_size), kind.value_type)
        return pa.Array.from_buffers(kind, count, [validity], children=[child])
    if pa.types.is_list(kind):
        if pa.types.is_floating(kind.value_type):
            joined = np.concatenate(present) if present else np.empty(0)
            child = _flat(joined, kind.value_type)
        else:
            child = array(
                [each for value in present for each in value], kind.value_type
            )
        sizes = _sizes(values, present)
        return pa.Array.from_buffers(kind, count, [validity, sizes], children=[child])
    if pa.types.is_timestamp(kind):
        values = [value and (value - _EPOCH) // _MICROSECOND for value in values]
    return _flat(np.array([value or 0 for value in values]), kind, validity)


def _pyarrow() -> Any:
    """The library, which allocates with `malloc` if it is imported here first.

    Its own allocator, which it chooses once, as it is loaded, keeps some 20 MB more
    than an export uses.
    """
    ours = "pyarrow" not in sys.modules and _ALLOCATOR not in os.environ
    if ours:
        os.environ[_ALLOCATOR] = "system"
    try:
        import pyarrow as pa
    except ImportError:
        raise ExportError(
            "Parquet and Arrow need pyarrow: pip install 'docprogress[arrow]'"
        ) from None
    finally:
        if ours:
            del os.environ[_ALLOCATOR]
    return pa


def _sizes(values: Sequence[Any], present: Sequence[Any]) -> Any:
    """The buffer with where each value begins, and where the last one ends."""
    import pyarrow as pa

    sizes = map(len, present)
    ends = np.fromiter(
        (0 if value is None else next(sizes) for value in values), np.int64, len(values)
    ).cumsum()
    if len(ends) and ends[-1] > np.iinfo(np.int32).max:
        raise ExportError(
            "a column has more than 2 GB in one part: export as JSON Lines"
        )
    return pa.py_buffer(np.concatenate(([0], ends)).astype(np.int32))


def _flat(numbers: "NDArray[Any]", kind: Any, validity: Any = None) -> Any:
    """An array of numbers, without a copy if they have the right type."""
    import pyarrow as pa

    types = {"timestamp[us, tz=UTC]": "int64", "float": "float32"}
    numbers = np.ascontiguousarray(numbers, types.get(str(kind), str(kind))).ravel()
    buffers = [validity, pa.py_buffer(numbers)]
    return pa.Array.from_buffers(kind, len(numbers), buffers)


def _matrix(values: Sequence[Any], size: int) -> "NDArray[np.float32]":
    """The vectors as rows; zeros where there is none."""
    matrix = np.zeros((len(values), size), np.float32)
    for row, value in zip(matrix, values, strict=True):
        if value is not None:
            if len(value) != size:
                raise ExportError(
                    f"a vector has {len(value)} numbers, and the others {size}: "
                    "export again once the run has ended"
                )
            row[:] = value
    return matrix
