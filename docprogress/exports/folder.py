"""A folder that appears as a whole: files are written beside it, then it is renamed.

A journal in the unfinished folder names the files that are finished, so that an export
that was interrupted, or killed, continues after them.
"""

import errno
import json
import os
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import IO, Any, Self

from docprogress.errors import ExportError

MANIFEST = "manifest.json"
_JOURNAL = "unfinished.jsonl"

#: How a manifest begins. It may be long, so that it is not read as a whole.
_OURS = re.compile(rb'\s*\{\s*"docprogress"\s*:')

#: What to do about an error of the file system.
_FREE_SPACE = "free some space and export again, which continues"
_REMEDIES = {
    errno.ENOSPC: _FREE_SPACE,
    errno.EDQUOT: _FREE_SPACE,
    errno.EFBIG: "choose a file system that takes larger files",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A finished file of an export."""

    name: str
    #: How many records it has: chunks, pages, documents; rows of a table.
    records: int
    #: The document it was made from, if it is a single one.
    source: dict[str, Any] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExportState:
    """How far an export has come."""

    #: The number of the last document that is dealt with by finished files.
    after: int = 0
    #: The digest of all documents up to that one.
    digest: str = ""
    #: How many documents of each status these are.
    documents: dict[str, int] = field(default_factory=dict)
    #: How many files are finished, and their records.
    files: int = 0
    records: int = 0


class ExportFolder:
    """The folder of an export; only one process at a time can have it.

    Args:
        target: The folder; an earlier export in it is replaced.
        identity: Identifies what is exported. An unfinished export with the same
            identity continues.

    Raises:
        ExportError: `target` is something else than an export, or cannot be written, or
            another process exports to it.
    """

    def __init__(self, target: Path, identity: dict[str, Any]) -> None:
        self.target = target
        with self.errors():
            _check_replaceable(target)
        self.path = target.with_name(f".{target.name}.unfinished")
        self._replaced = target.with_name(f".{target.name}.replaced")
        self._identity = identity
        with self.errors():
            self._restore()
            self._journal = self._open()
            earlier = next(self._entries("identity"), None)
            states: list[dict[str, Any]] = list(self._entries("state"))
        #: How far the export has come that continues.
        self.state = ExportState(**states[-1]) if states else ExportState()
        if earlier != identity:
            self.restart()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._journal.close()

    def restart(self) -> None:
        """Drop what an earlier export has left."""
        self.state = ExportState()
        with self.errors():
            for path in self.path.iterdir():
                if path.name != _JOURNAL:
                    _remove(path)
            self._journal.truncate(0)
            self._append({"identity": self._identity, "state": asdict(self.state)})

    def save(
        self,
        files: Sequence[File],
        left_out: Sequence[dict[str, Any]],
        *,
        documents: Mapping[str, int],
        after: int,
        digest: str,
    ) -> None:
        """Save that these files are finished.

        Args:
            files: The files.
            left_out: The documents that were left out since the last time.
            documents: How many documents of each status were dealt with since then.
            after: The number of the last document that was dealt with.
            digest: That of all documents up to it.
        """
        self.state = ExportState(
            after=after,
            digest=digest,
            documents=dict(Counter(self.state.documents) + Counter(documents)),
            files=self.state.files + len(files),
            records=self.state.records + sum(file.records for file in files),
        )
        entry = {
            "files": [asdict(file) for file in files],
            "left_out": left_out,
            "state": asdict(self.state),
        }
        with self.errors():
            self._append(entry)

    def names(self) -> Iterator[str]:
        """The names of the finished files."""
        return (file["name"] for file in self._files())

    def publish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, and let the folder appear under its name."""
        with self.errors():
            self._write_manifest(manifest)
            known = {MANIFEST, *self.names()}
            with os.scandir(self.path) as entries:
                unknown = [entry.name for entry in entries if entry.name not in known]
            for name in unknown:
                _remove(self.path / name)
            del known
            shutil.rmtree(self._replaced, ignore_errors=True)
            if self.target.exists():
                self.target.rename(self._replaced)
            self.path.rename(self.target)
            shutil.rmtree(self._replaced, ignore_errors=True)

    @contextmanager
    def errors(self) -> Iterator[None]:
        """Raise errors of the file system as `ExportError`."""
        try:
            yield
        except OSError as error:
            raise _explained(self.target, error) from error

    def _restore(self) -> None:
        """Bring an earlier export back, if the process was killed as it replaced it."""
        if self._replaced.is_dir() and not self.target.exists():
            self._replaced.rename(self.target)

    def _open(self) -> IO[str]:
        """The journal, locked for this process."""
        while True:
            self.path.mkdir(parents=True, exist_ok=True)
            path = self.path / _JOURNAL
            journal = path.open("a+", encoding="utf-8", newline="\n")
            if not _lock(journal):
                journal.close()
                raise ExportError(f"another process is exporting to {self.target}")
            with suppress(FileNotFoundError):
                if path.stat().st_ino == os.fstat(journal.fileno()).st_ino:
                    _drop_torn_line(path)
                    return journal
            # The other process has just finished.
            journal.close()
            _check_replaceable(self.target)

    def _entries(self, part: str) -> Iterator[Any]:
        """A part of each entry of the journal that has it."""
        with (self.path / _JOURNAL).open(encoding="utf-8") as file:
            for line in file:
                if found := json.loads(line).get(part):
                    yield found

    def _append(self, entry: dict[str, Any]) -> None:
        self._journal.write(json.dumps(entry) + "\n")
        self._journal.flush()
        os.fsync(self._journal.fileno())

    def _write_manifest(self, manifest: dict[str, Any]) -> None:
        """Write it piece by piece: there may be a hundred thousand files."""
        part = self.path / f"{MANIFEST}.part"
        with part.open("w", encoding="utf-8", newline="\n") as file:
            head = json.dumps(manifest, ensure_ascii=False, indent=1)
            file.write(head.removesuffix("\n}"))
            file.write(',\n "files": {')
            _write_items(file, (_line(each, "records") for each in self._files()))
            file.write("},\n")
            if next(self._sources(), None):
                file.write(' "sources": {')
                _write_items(file, (_line(each, "source") for each in self._sources()))
                file.write("},\n")
            file.write(' "left_out": [')
            left_out = self._entries("left_out")
            _write_items(file, (_json(each) for some in left_out for each in some))
            file.write("]\n}\n")
            file.flush()
            os.fsync(file.fileno())
        part.replace(self.path / MANIFEST)

    def _files(self) -> Iterator[dict[str, Any]]:
        for some in self._entries("files"):
            yield from some

    def _sources(self) -> Iterator[dict[str, Any]]:
        return (each for each in self._files() if each["source"])


def _line(file: dict[str, Any], what: str) -> str:
    return f"{_json(file['name'])}: {_json(file[what])}"


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _write_items(file: IO[str], items: Iterator[str]) -> None:
    separator = "\n  "
    for item in items:
        file.write(separator + item)
        separator = ",\n  "
    if separator.startswith(","):
        file.write("\n ")


def _check_replaceable(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise ExportError(f"{target} is a file: choose a folder")
    if target.is_mount():
        raise ExportError(
            f"{target} is a mount point, which cannot be replaced: "
            "choose a new folder in it"
        )
    if any(target.iterdir()) and not _is_export(target / MANIFEST):
        raise ExportError(
            f"{target} is not empty and not an export: choose another folder"
        )


def _is_export(manifest: Path) -> bool:
    try:
        with manifest.open("rb") as file:
            return _OURS.match(file.read(1000)) is not None
    except FileNotFoundError:
        return False


def _drop_torn_line(journal: Path) -> None:
    """Drop an entry that a killed process has written in part."""
    with journal.open("rb+") as file:
        content = file.read()
        file.truncate(content.rfind(b"\n") + 1)


def _remove(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()


def _lock(file: IO[str]) -> bool:
    """Lock an open file for this process; False if another one has locked it."""
    try:
        import fcntl
    except ImportError:  # Windows
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # The file system does not support locks.
        return True
    return True


def _explained(target: Path, error: OSError) -> ExportError:
    reason = error.strerror or str(error)
    remedy = _REMEDIES.get(error.errno or 0, "choose another folder")
    return ExportError(f"{target} cannot be written ({reason}): {remedy}")
