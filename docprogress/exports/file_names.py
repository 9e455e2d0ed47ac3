"""File names for documents that every file system accepts, each of them once."""

import re
import unicodedata
from collections.abc import Iterable
from hashlib import sha256

#: The longest name, in bytes, without a number and the ending.
LONGEST_STEM = 200

# What Windows refuses; `%` and the others would be read as something else in a shell,
# but are allowed.
_REFUSED = re.compile(r'[\x00-\x1f\x7f-\x9f/\\:*?"<>|\u2028-\u202e\u2066-\u2069]')
_SURROGATES = re.compile("[\ud800-\udfff]")

# Names of devices on Windows, with any ending.
_RESERVED = re.compile(
    r"(?:con|prn|aux|nul|conin\$|conout\$|com[0-9¹²³]|lpt[0-9¹²³])\s*(?:\..*)?",
    re.IGNORECASE | re.DOTALL,
)


class FileNames:
    """Unique file names, also on file systems that ignore case.

    Args:
        taken: Names that were given before.
    """

    def __init__(self, taken: Iterable[str] = ()) -> None:
        # Digests, since there may be a hundred thousand.
        self._taken = {_key(name) for name in taken}

    def add(self, name: str, ending: str, *, number: int, part: str = "") -> str:
        """A file name like `name`, and unlike all others.

        Args:
            name: The document's name.
            ending: Follows it, with its dot.
            number: The document's number, which makes it unique if need be.
            part: Which part of the document it is.
        """
        stem = safe_stem(name) + part
        for suffix in _suffixes(number):
            found = f"{stem}{suffix}{ending}"
            if (key := _key(found)) not in self._taken:
                self._taken.add(key)
                return found
        raise AssertionError("suffixes never end")


def safe_stem(name: str) -> str:
    """A name that every file system accepts in front of an ending."""
    name = unicodedata.normalize("NFC", _SURROGATES.sub("_", name))
    stem = _REFUSED.sub("_", name)
    if len(stem.encode()) > LONGEST_STEM:
        # The end may be what tells two names apart: `….pdf` and `….docx`.
        half = LONGEST_STEM // 2 - 2
        encoded = stem.encode()
        first = encoded[:half].decode(errors="ignore")
        stem = f"{first}…{encoded[-half:].decode(errors='ignore')}"
    stem = stem.strip(" .") or "unnamed"
    return f"_{stem}" if _RESERVED.fullmatch(stem) else stem


def _suffixes(number: int) -> Iterable[str]:
    yield ""
    yield f"-{number}"
    more = 2
    while True:
        yield f"-{number}-{more}"
        more += 1


def _key(name: str) -> bytes:
    """Equal for names that a file system may take for the same."""
    folded = unicodedata.normalize("NFKC", name).casefold()
    folded = unicodedata.normalize("NFKC", folded)
    return sha256(folded.encode(errors="replace")).digest()[:16]
