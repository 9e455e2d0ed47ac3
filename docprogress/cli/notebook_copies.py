"""Copies of the notebooks and samples, in a folder of the user's.

A file that the user has changed is never overwritten. To tell a change from an old
version, the folder keeps a manifest with the digest of every file copied to it.
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

#: The notebook that JupyterLab opens.
FIRST_NOTEBOOK = "quickstart.ipynb"

#: The folders that are copied beside the notebooks.
FOLDERS = ("images", "samples", "samples-of-each-kind", "samples-that-fail")

#: The file in the user's folder with the digests of the copied files.
MANIFEST = ".docprogress.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class CopyResult:
    """What an update did, by the files' paths in the folder."""

    new: list[str] = field(default_factory=list)
    updated: list[str] = field(default_factory=list)
    #: Files that the user has changed. For a notebook, the value is the path of the
    #: new version that was put beside it.
    kept: dict[str, str | None] = field(default_factory=dict)


def originals() -> Path:
    """The folder to copy from: in the installed package, or in the checkout.

    Raises:
        SettingsError: This installation has neither.
    """
    installed = Path(__file__).with_name("notebooks")
    checkout = Path(__file__).resolve().parents[2] / "notebooks"
    for folder in (installed, checkout):
        if (folder / FIRST_NOTEBOOK).is_file():
            return folder
    raise SettingsError(
        "this installation has no notebooks: install docprogress from its wheel"
    )


def update(source: Path, folder: Path) -> CopyResult:
    """Create or update the copies in `folder`. Deleted files are restored.

    Raises:
        SettingsError: The folder cannot be written.
    """
    if folder.exists() and not folder.is_dir():
        raise SettingsError(f"{folder} is a file: name a folder")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        # Jupyter must be able to write there, even if every copy is up to date.
        with tempfile.TemporaryFile(dir=folder):
            pass
        if folder.samefile(source):
            return CopyResult()
        return _Update(source, folder).run()
    except OSError as error:
        raise SettingsError(
            f"the folder {folder} cannot be written ({error.strerror}): name another "
            "one, as in `docprogress lab ~/notebooks`"
        ) from error


class _Update:
    """One update of one folder."""

    def __init__(self, source: Path, folder: Path) -> None:
        self._source = source
        self._folder = folder
        self._manifest = _read_manifest(folder)
        self._result = CopyResult()

    def run(self) -> CopyResult:
        before = dict(self._manifest)
        for name in _names(self._source):
            self._place(name, (self._source / name).read_bytes())
        if self._manifest != before:
            manifest = json.dumps(self._manifest, indent=1, sort_keys=True)
            _write(self._folder / MANIFEST, manifest.encode())
        return self._result

    def _place(self, name: str, content: bytes, *, beside: bool = True) -> bool:
        """Copy one file unless the user has changed it; whether the copy is current."""
        target = self._folder / name
        digest, copied = _digest(content), self._manifest.get(name)
        present = _content(target)
        if present is None:
            self._result.new.append(name)
        elif _digest(present) == digest:
            self._manifest[name] = digest
            return True
        elif _digest(present) == copied:
            self._result.updated.append(name)
        else:
            if copied != digest:
                self._keep(name, content, beside=beside)
            self._manifest[name] = digest
            return False
        _write(target, content)
        self._manifest[name] = digest
        return True

    def _keep(self, name: str, content: bytes, *, beside: bool) -> None:
        """Keep a changed file, and put a notebook's new version beside it.

        Not so for a sample: submitting the folder would submit both versions.
        """
        self._result.kept[name] = None
        path = Path(name)
        if beside and path.suffix == ".ipynb":
            other = path.with_suffix(f".new{path.suffix}").as_posix()
            if self._place(other, content, beside=False):
                self._result.kept[name] = other


def _names(source: Path) -> Iterator[str]:
    """The files to copy, as paths in the folder."""
    yield from sorted(path.name for path in source.glob("*.ipynb"))
    for folder in FOLDERS:
        for path in sorted((source / folder).glob("*")):
            if path.is_file():
                yield f"{folder}/{path.name}"


def _read_manifest(folder: Path) -> dict[str, str]:
    """The digests of the copied files; empty if the manifest is unusable."""
    try:
        manifest = json.loads((folder / MANIFEST).read_bytes())
    except (OSError, ValueError, RecursionError):
        return {}
    if not isinstance(manifest, dict):
        return {}
    return {name: value for name, value in manifest.items() if isinstance(value, str)}


def _content(path: Path) -> bytes | None:
    """A file's content, or None if there is no file.

    Anything but a regular file, such as a link, counts as changed by the user.
    """
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return None
    return path.read_bytes() if stat.S_ISREG(mode) else b""


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def _write(path: Path, content: bytes) -> None:
    """Write a file atomically."""
    path.parent.mkdir(exist_ok=True)
    unfinished = path.with_name(f".{secrets.token_hex(8)}")
    try:
        unfinished.write_bytes(content)
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)
