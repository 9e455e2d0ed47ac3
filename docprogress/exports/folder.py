"""A folder that appears as a whole: files are written beside it, then it is renamed.

An export that was interrupted continues after the last file that was finished.
"""

import json
import os
import shutil
from pathlib import Path
from typing import Any

from docprogress.errors import ExportError

MANIFEST = "manifest.json"
_STATE = "unfinished.json"


class ExportFolder:
    """The folder of an export.

    Args:
        target: Where it appears; it may hold an earlier export, which is replaced.
        identity: What is exported: an unfinished export of the same continues.

    Raises:
        ExportError: `target` is something else than an export.
    """

    def __init__(self, target: Path, identity: dict[str, Any]) -> None:
        self.target = target
        _check_replaceable(target)
        self.path = target.with_name(f".{target.name}.unfinished")
        self._identity = identity
        self.path.mkdir(parents=True, exist_ok=True)
        state = _load(self.path / _STATE)
        if state.get("identity") != identity:
            shutil.rmtree(self.path)
            self.path.mkdir(parents=True)
            state = {}
        #: The number of the last document whose records are in finished files.
        self.after: int = state.get("after", 0)
        #: The finished files, with the number of their records.
        self.files: dict[str, int] = state.get("files", {})

    def save(self, *, after: int) -> None:
        """Save that `files` are finished, and the last document that they cover."""
        self.after = after
        state = {"identity": self._identity, "after": after, "files": self.files}
        _store(self.path / _STATE, state)

    def publish(self, manifest: dict[str, Any]) -> None:
        """Write the manifest, and let the folder appear under its name."""
        _store(self.path / MANIFEST, manifest)
        known = {*self.files, MANIFEST}
        for path in self.path.rglob("*"):
            if path.is_file() and str(path.relative_to(self.path)) not in known:
                path.unlink()
        replaced = self.target.with_name(f".{self.target.name}.replaced")
        shutil.rmtree(replaced, ignore_errors=True)
        if self.target.exists():
            self.target.rename(replaced)
        self.path.rename(self.target)
        shutil.rmtree(replaced, ignore_errors=True)


def _check_replaceable(target: Path) -> None:
    if not target.exists():
        return
    if not target.is_dir():
        raise ExportError(f"{target} is a file: choose a folder")
    if any(target.iterdir()) and "docprogress" not in _load(target / MANIFEST):
        raise ExportError(
            f"{target} is not empty and not an export: choose another folder"
        )


def _load(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (FileNotFoundError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _store(path: Path, value: dict[str, Any]) -> None:
    part = path.with_name(path.name + ".part")
    text = json.dumps(value, ensure_ascii=False, indent=1)
    with part.open("w", encoding="utf-8") as file:
        file.write(text + "\n")
        file.flush()
        os.fsync(file.fileno())
    part.replace(path)
