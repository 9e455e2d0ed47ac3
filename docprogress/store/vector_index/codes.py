"""Vectors as the index keeps them: a sign for each dimension, and a small integer.

Signs are compared by counting the bits that differ, which is quick and coarse. They are
kept in blocks, each of which has the words of all its rows one after the other, so that
counting runs along contiguous memory.
"""

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

#: Rows of a block of signs.
BLOCK = 4096
#: Blocks that are compared at a time, few enough for the CPU's cache.
_BLOCKS_AT_A_TIME = 4
#: Integers that are compared at a time, for the same reason.
_INTEGERS_AT_A_TIME = 64 * 1024
#: The distance of rows that are not admitted.
NOT_ADMITTED = np.iinfo(np.uint16).max

Signs = NDArray[np.uint64]


def words_of(dimensions: int) -> int:
    """The words of 64 bits that a row's signs take."""
    return -(-dimensions // 64)


def normalized(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    """The vectors scaled to length 1; zeros for what has no direction."""
    with np.errstate(all="ignore"):
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        usable = np.isfinite(lengths) & (lengths > 0)
        return np.where(usable, vectors / np.where(usable, lengths, 1), 0).astype("f4")


def signs_of(vectors: NDArray[np.float32], mean: NDArray[np.float32]) -> Signs:
    """One row of words for each vector: which dimensions lie above the mean."""
    bits = np.packbits(vectors > mean, axis=1)
    rows = np.zeros((len(vectors), words_of(vectors.shape[1]) * 8), np.uint8)
    rows[:, : bits.shape[1]] = bits
    return rows.view(np.uint64)


def blocks_of(rows: Signs) -> Signs:
    """Rows of words as blocks, shaped (block, word, row); zeros fill the last one."""
    count = -(-len(rows) // BLOCK)
    padded = np.zeros((count * BLOCK, rows.shape[1]), np.uint64)
    padded[: len(rows)] = rows
    transposed = padded.reshape(count, BLOCK, -1).transpose(0, 2, 1)
    return np.ascontiguousarray(transposed)


def rows_of(blocks: Signs, count: int) -> Signs:
    """The first `count` rows of blocks."""
    return blocks.transpose(0, 2, 1).reshape(-1, blocks.shape[1])[:count]


def integers_of(
    vectors: NDArray[np.float32],
) -> tuple[NDArray[np.int8], NDArray[np.float32]]:
    """Normalized vectors as integers from -127 to 127, and the scale of each row."""
    scales = np.abs(vectors).max(axis=1, initial=0) / 127
    divisors = np.where(scales > 0, scales, 1)[:, None]
    return np.rint(vectors / divisors).astype(np.int8), scales.astype(np.float32)


def distances(blocks: Signs, query: Signs, count: int) -> NDArray[np.uint16]:
    """How many signs of each of the first `count` rows differ from the query's."""
    found = np.empty((len(blocks), BLOCK), np.uint16)
    for start in range(0, len(blocks), _BLOCKS_AT_A_TIME):
        some = slice(start, start + _BLOCKS_AT_A_TIME)
        differing = np.bitwise_count(blocks[some] ^ query[:, None])
        differing.sum(axis=1, dtype=np.uint16, out=found[some])
    return found.reshape(-1)[:count]


def smallest(found: NDArray[np.uint16], count: int, most: int) -> NDArray[np.intp]:
    """The positions of the `count` smallest distances up to `most`; ties add more."""
    frequencies = np.bincount(found, minlength=most + 1)[: most + 1]
    enough = np.searchsorted(np.cumsum(frequencies), count)
    return np.nonzero(found <= min(int(enough), most))[0]


def scores(
    integers: NDArray[np.int8],
    scales: NDArray[np.float32],
    rows: NDArray[np.intp],
    query: NDArray[np.float32],
) -> NDArray[np.float32]:
    """About the cosine similarity of these rows to a normalized query."""
    found = np.empty(len(rows), np.float32)
    step = max(1, _INTEGERS_AT_A_TIME // len(query))
    for some in _slices(len(rows), step):
        found[some] = integers[rows[some]].astype(np.float32) @ query
    return found * scales[rows]


def _slices(count: int, step: int) -> Iterator[slice]:
    for start in range(0, count, step):
        yield slice(start, start + step)
