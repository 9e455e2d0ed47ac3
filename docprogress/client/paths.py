"""Find files in folders and by patterns, and describe paths in errors."""

import difflib
import glob
import os
from collections.abc import Callable, Iterator
from pathlib import Path


def files_in(folder: Path, unread: Callable[[OSError], None]) -> Iterator[Path]:
    """The files in a folder and its subfolders, sorted, without hidden ones.

    Each folder is visited once, however many links lead to it.
    """
    seen: set[tuple[int, int]] = set()
    for place, folders, names in os.walk(folder, followlinks=True, onerror=unread):
        state = Path(place).stat()
        if (state.st_dev, state.st_ino) in seen:
            folders.clear()
            continue
        seen.add((state.st_dev, state.st_ino))
        folders[:] = sorted(name for name in folders if not is_hidden(name))
        yield from (Path(place, name) for name in sorted(names) if not is_hidden(name))


def is_hidden(name: str) -> bool:
    """Whether a file or folder is hidden."""
    return name.startswith(".")


def glob_files(path: Path) -> list[Path]:
    """The files that match a pattern, sorted, without hidden ones."""
    parts = path.parts
    first = next(place for place, part in enumerate(parts) if glob.has_magic(part))
    base, pattern = Path(*parts[:first]), list(parts[first:])
    if pattern[-1] == "**":
        pattern.append("*")
    dots = any(map(is_hidden, pattern))
    return sorted(
        match
        for match in base.glob("/".join(pattern))
        if match.is_file()
        and (dots or not any(map(is_hidden, match.relative_to(base).parts)))
    )


def describe_missing(path: Path) -> str:
    """An error for a path that does not exist, with similar names."""
    try:
        beside = os.listdir(path.parent)  # noqa: PTH208 - only the names
    except OSError:
        return f"{display_path(path)}: no such file or folder"
    close = difflib.get_close_matches(
        path.name, [n for n in beside if not is_hidden(n)]
    )
    hint = f"; did you mean {' or '.join(map(repr, close))}?" if close else ""
    return f"{display_path(path)}: no such file or folder{hint}"


def display_path(path: Path) -> str:
    """A path on one line, whatever its bytes are."""
    return str(path) if str(path).isprintable() else repr(str(path))[1:-1]


def reason_of(error: OSError) -> str:
    """Why an operation on a file failed, in lower case."""
    return (error.strerror or str(error)).lower()
