"""Change events of a folder, as far as the operating system sends them."""

import logging
import os
import threading
from collections.abc import Callable
from pathlib import Path

from docprogress.client.paths import is_hidden
from docprogress.settings import redacted
from docprogress.steps.suffixes import SUFFIXES

log = logging.getLogger(__name__)

#: Milliseconds for which events are gathered.
STEP_MILLISECONDS = 50

#: File systems whose files other machines can change, without events here.
_REMOTE = ("nfs", "cifs", "smb", "fuse", "9p", "virtiofs", "afs", "ceph", "gluster")
_LOCAL_FUSE = ("fuseblk", "fuse.fuse-overlayfs")

_MOUNTS = Path("/proc/self/mountinfo")
#: The place of the mount point in a line, and of the type after the separator.
_POINT, _KIND = 4, 1


class FolderEvents:
    """Sets `changed` when something changes in a local folder.

    Args:
        root: The folder.
        changed: What is set.
    """

    def __init__(self, root: str, changed: threading.Event) -> None:
        self._root = root
        self._changed = changed
        self._stop = threading.Event()
        self._place = _place(root)
        # Files below the folder of which there were events.
        self._paths: set[str] = set()
        self._lock = threading.Lock()
        self._thread = threading.Thread(
            target=self._run, name="docprogress-watch", daemon=True
        )
        self._thread.start()

    @property
    def alive(self) -> bool:
        """Whether events can be received: the folder is the one that was opened."""
        return self._thread.is_alive() and _place(self._root) == self._place

    def take(self) -> set[str]:
        """The files of which there were events since the last call."""
        with self._lock:
            taken, self._paths = self._paths, set()
            return taken

    def close(self) -> None:
        """End."""
        self._stop.set()
        self._thread.join()

    def _run(self) -> None:
        from watchfiles import watch

        try:
            for changes in watch(
                self._root,
                watch_filter=self._is_document,
                debounce=2 * STEP_MILLISECONDS,
                step=STEP_MILLISECONDS,
                rust_timeout=500,
                stop_event=self._stop,
                raise_interrupt=False,
                ignore_permission_denied=True,
            ):
                with self._lock:
                    self._paths |= {
                        os.path.relpath(path, self._root)
                        for _, path in changes
                        if Path(path).suffix.lower() in SUFFIXES
                    }
                self._changed.set()
        except Exception as error:  # noqa: BLE001 - it is looked at regularly instead
            log.info("no change events for %s: %s", self._root, redacted(str(error)))
        self._changed.set()

    def _is_document(self, _change: object, path: str) -> bool:
        """Whether a change may be one of a document, or of a folder."""
        below = os.path.relpath(path, self._root)
        if any(is_hidden(part) for part in below.split("/") if part != "."):
            return False
        suffix = Path(path).suffix.lower()
        return not suffix or suffix in SUFFIXES or Path(path).is_dir()


def watched(root: str, changed: threading.Event) -> FolderEvents | None:
    """The events of a folder; None where none are to be expected."""
    if "://" in root or not Path(root).is_dir() or is_remote(root):
        return None
    return FolderEvents(root, changed)


def is_remote(root: str, read: Callable[[], str] = _MOUNTS.read_text) -> bool:
    """Whether a folder is on a file system that other machines change."""
    try:
        lines = read().splitlines()
    except OSError:
        return False
    real = os.path.realpath(root)
    found, kind = "", ""
    for line in lines:
        before, _, after = line.partition(" - ")
        point = before.split(" ")[_POINT].encode().decode("unicode_escape")
        inside = real == point or real.startswith(f"{point.rstrip('/')}/")
        # Of two mounts at one place, the later one is seen.
        if inside and len(point) >= len(found):
            found, kind = point, after.split(" ")[_KIND - 1]
    return kind.startswith(_REMOTE) and kind not in _LOCAL_FUSE


def _place(root: str) -> tuple[int, int] | None:
    """Distinguishes a folder from another one at the same path."""
    try:
        status = os.stat(root)  # noqa: PTH116 - need not be UTF-8
    except OSError:
        return None
    return status.st_dev, status.st_ino
