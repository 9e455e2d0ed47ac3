"""Which terms a segment of the index of words has, in three bytes for each.

A Bloom filter: a term that it has is always found, one of 80,000 others is, too. So a
search can ask for hundreds of thousands of spellings of a word without reading the
segment.
"""

import numpy as np
from numpy.typing import NDArray

#: The key of the block that has the filter of a segment; no bucket of terms has it.
KEY = -(1 << 62)
BITS_PER_TERM = 24
_PROBES = 12
_FACTORS = np.uint64(0x9E3779B97F4A7C15), np.uint64(0xC2B2AE3D27D4EB4F)
_HALF = np.uint64(32)


def packed(terms: NDArray[np.int64]) -> bytes:
    """The filter of these terms."""
    size = max(8, BITS_PER_TERM * len(terms))
    bits = np.zeros(size, np.bool_)
    place, step = _start(terms)
    for _ in range(_PROBES):
        bits[_scaled(place, size)] = True
        place += step
    return np.packbits(bits, bitorder="little").tobytes()


def contained(filter_: bytes, terms: NDArray[np.int64]) -> NDArray[np.int64]:
    """Those of the terms that the filter has."""
    data = np.frombuffer(filter_, np.uint8)
    size = 8 * len(data)
    place, step = _start(terms)
    for _ in range(_PROBES):
        at = _scaled(place, size)
        bits = data[at >> 3] >> (at & 7).astype(np.uint8)
        found = (bits & 1).astype(np.bool_)
        terms, place, step = terms[found], place[found], step[found]
        place += step
    return terms


def _start(terms: NDArray[np.int64]) -> tuple[NDArray[np.uint64], NDArray[np.uint64]]:
    given = terms.astype(np.uint64)
    return given * _FACTORS[0], given * _FACTORS[1]


def _scaled(places: NDArray[np.uint64], size: int) -> NDArray[np.int64]:
    """Places as positions below `size`, by their high bits."""
    return (((places >> _HALF) * np.uint64(size)) >> _HALF).astype(np.int64)
