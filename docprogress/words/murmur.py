"""The hash of terms, of many words of one length at once."""

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.uint64]

_BLOCK = 16
_C1, _C2 = np.uint64(0x87C37B91114253D5), np.uint64(0x4CF5AD432745937F)
_MIX = np.uint64(0xFF51AFD7ED558CCD), np.uint64(0xC4CEB9FE1A85EC53)
_POSITIVE = np.uint64(0x7FFF_FFFF_FFFF_FFFF)


def hashed_rows(texts: NDArray[np.uint8]) -> NDArray[np.int64]:
    """What `terms.hashed` gives for each row: MurmurHash3, x64, of its UTF-8.

    Args:
        texts: A row of bytes for each; further axes are joined.
    """
    texts = texts.reshape(len(texts), -1)
    count, size = texts.shape
    padded = np.zeros((count, -(-size // _BLOCK) * _BLOCK), np.uint8)
    padded[:, :size] = texts
    blocks = padded.view("<u8")
    first = np.zeros(count, np.uint64)
    second = np.zeros(count, np.uint64)
    whole = size // _BLOCK
    for at in range(whole):
        first ^= _scrambled(blocks[:, 2 * at], _C1, 31, _C2)
        first = (_rotated(first, 27) + second) * np.uint64(5) + np.uint64(0x52DCE729)
        second ^= _scrambled(blocks[:, 2 * at + 1], _C2, 33, _C1)
        second = (_rotated(second, 31) + first) * np.uint64(5) + np.uint64(0x38495AB5)
    if size % _BLOCK:
        second ^= _scrambled(blocks[:, 2 * whole + 1], _C2, 33, _C1)
        first ^= _scrambled(blocks[:, 2 * whole], _C1, 31, _C2)
    first ^= np.uint64(size)
    second ^= np.uint64(size)
    first += second
    second += first
    return ((_mixed(first) + _mixed(second)) & _POSITIVE).astype(np.int64)


def _scrambled(
    numbers: Numbers, one: np.uint64, bits: int, other: np.uint64
) -> Numbers:
    return _rotated(numbers * one, bits) * other


def _rotated(numbers: Numbers, bits: int) -> Numbers:
    return (numbers << np.uint64(bits)) | (numbers >> np.uint64(64 - bits))


def _mixed(numbers: Numbers) -> Numbers:
    shift = np.uint64(33)
    for factor in _MIX:
        numbers = (numbers ^ (numbers >> shift)) * factor
    return numbers ^ (numbers >> shift)
