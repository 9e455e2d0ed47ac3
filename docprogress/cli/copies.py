"""Copies of the notebooks and samples, in a folder of the user's own.

What somebody has changed is never written over.  To tell a change from an old
version, the folder keeps a digest of everything that was ever given to it.
"""

import hashlib
import json
import secrets
import stat
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from docprogress.errors import SettingsError

#: The notebook that a beginner opens.
FIRST = "quickstart.ipynb"

#: What copies are made of, beside the notebooks themselves.
FOLDERS = ("images", "samples", "samples-that-fail")

#: The file in which a folder keeps what was given to it.
GIVEN = ".docprogress.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Copied:
    """What became of a folder's files, by their names in it."""

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    #: Changed by somebody, and therefore left as they are; for a notebook, the name
    #: of the new version that lies beside it.
    kept: dict[str, str | None] = field(default_factory=dict)


def originals() -> Path:
    """The folder that copies are made of: the package's own, or the checkout's.

    Raises:
        SettingsError: This installation has none.
    """
    installed = Path(__file__).with_name("notebooks")
    checkout = Path(__file__).resolve().parents[2] / "notebooks"
    for folder in (installed, checkout):
        if (folder / FIRST).is_file():
            return folder
    raise SettingsError(
        "this installation has no notebooks: install docprogress from its wheel"
    )


def copy(source: Path, folder: Path) -> Copied:
    """Make or bring up to date the copies in a folder; what was deleted comes back.

    Raises:
        SettingsError: The folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file: name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Jupyter has to write there too, even if everything is up to date.
        with tempfile.TemporaryFile(dir=folder):
            pass
        if folder.samefile(source):
            return Copied()
        return _Copying(source, folder).done()
    except OSError as error:
        raise SettingsError(
            f"the folder {folder} cannot be written ({error.strerror}): name another "
            "one, as in `docprogress lab ~/notebooks`"
        ) from error


class _Copying:
    """One round of copying into one folder."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._given = _given(folder)
        self._copied = Copied()

    def done(self) -> Copied:
        before = dict(self._given)
        for name in _names(self._source):
            self._place(name, (self._source / name).read_bytes(), beside=True)
        if self._given != before:
            told = json.dumps(self._given, indent=1, sort_keys=True)
            _write(self._folder / GIVEN, told.encode())
        return self._copied

    def _place(self, name: str, content: bytes, *, beside: bool) -> bool:
        """Put one file where it belongs; whether it is there as it was given."""
        target = self._folder / name
        digest, given = _digest(content), self._given.get(name)
        there = _content(target)
        if there is None:
            self._copied.new.append(name)
        elif _digest(there) == digest:
            self._given[name] = digest
            return True
        elif _digest(there) == given:
            self._copied.updated.append(name)
        else:
            if given != digest:
                self._keep(name, content, beside=beside)
            self._given[name] = digest
            return False
        _write(target, content)
        self._given[name] = digest
        return True

    def _keep(self, name: str, content: bytes, *, beside: bool) -> None:
        """Leave a file that was changed; a notebook's new version goes beside it.

        A sample's does not: whoever submits the folder would submit both.
        """
        self._copied.kept[name] = None
        path = Path(name)
        if beside and path.suffix == ".ipynb":
            other = path.with_suffix(f".new{path.suffix}").as_posix()
            if self._place(other, content, beside=False):
                self._copied.kept[name] = other


def _names(source: Path) -> Iterator[str]:
    """What there is to copy, as paths in the folder."""
    yield from sorted(path.name for path in source.glob("*.ipynb"))
    for folder in FOLDERS:
        for path in sorted((source / folder).glob("*")):
            if path.is_file():
                yield f"{folder}/{path.name}"


def _given(folder: Path) -> dict[str, str]:
    """The digests of what was given; none if nothing can be said of it."""
    try:
        told = json.loads((folder / GIVEN).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(told, dict):
        return {}
    return {name: digest for name, digest in told.items() if isinstance(digest, str)}


def _content(path: Path) -> bytes | None:
    """What a file holds; None if there is none.

    What is no plain file, such as a link, holds nothing that was ever given.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    return path.read_bytes() if stat.S_ISREG(mode) else b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file so that it is there as a whole or not at all."""
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f".{secrets.token_hex(8)}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
