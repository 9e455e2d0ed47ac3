"""Vectors as bytes: the column `data` of a row of `vectors`."""

import numpy as np
from numpy.typing import NDArray

FLOAT = np.dtype("<f4")


def pack(array: NDArray[np.float32]) -> bytes:
    """The bytes of an array, in a sparse form if that is shorter.

    It is for the hashing embedder, whose vectors are mostly zeros.
    """
    dense = array.tobytes()
    # Not `array != 0`, which would lose negative zeros.
    nonzero = array.view(np.uint32) != 0
    sparse = np.packbits(nonzero).tobytes() + array[nonzero].tobytes()
    return sparse if len(sparse) < len(dense) else dense


def unpack(count: int, dimensions: int, data: bytes) -> NDArray[np.float32]:
    """The array of a row of `vectors`."""
    if len(data) == count * dimensions * FLOAT.itemsize:
        return np.frombuffer(data, FLOAT).reshape(count, dimensions)
    array = np.zeros(count * dimensions, FLOAT)
    bitmap = -(-array.size // 8)
    nonzero = np.unpackbits(np.frombuffer(data, np.uint8, bitmap), count=array.size)
    array[nonzero.view(bool)] = np.frombuffer(data, FLOAT, offset=bitmap)
    return array.reshape(count, dimensions)
