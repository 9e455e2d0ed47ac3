"""The token that a server generates when none is configured.

It is stored in the home folder, readable by its owner alone, so that every process of
an application and every restart of a service use the same one, and no log shows it.
"""

import logging
import os
import secrets
import tempfile
import time
from pathlib import Path
from urllib.parse import quote

from docprogress.errors import SettingsError

log = logging.getLogger(__name__)

#: The file's name in the home folder.
FILE_NAME = "server-token"

#: Seconds that another process may take to write the token into a file it has created.
WRITE_SECONDS = 1.0


def generate_token() -> str:
    """A random token that needs no escaping in a URL."""
    return secrets.token_urlsafe(24)


def url_fragment(token: str) -> str:
    """What to append to the page's URL to open it with the token.

    Browsers do not send the fragment, and servers do not log it.
    """
    return f"#token={quote(token, safe='')}"


def token_path(home: Path) -> Path:
    """The file with the token."""
    return home / FILE_NAME


def load_or_create_token(home: Path) -> str:
    """The token in the home folder's file; generate and store one if there is none.

    Raises:
        SettingsError: The file can be neither read nor written.
    """
    path = token_path(home)
    try:
        token = _read(path) or _create(path)
        if _others_may_read(path):
            log.warning(
                "the filesystem of %s has no permissions, so the token in it cannot be "
                "protected: anyone who can read this folder can use the server",
                path,
            )
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(
            f"no token was given, and {path} cannot store one ({reason}): pass "
            "a token, or make the home folder writable"
        ) from error
    return token


def _read(path: Path) -> str | None:
    """The stored token; None if there is none, or if others may have read it."""
    try:
        token = path.read_text("utf-8").strip()
        if _others_may_read(path) and _has_permissions(path.parent):
            return None
    except FileNotFoundError:
        return None
    return token or None


def _create(path: Path) -> str:
    """Store a new token. If several processes do this at once, the first one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = generate_token()
    deadline = time.monotonic() + WRITE_SECONDS
    while not _create_exclusively(path, token):
        if (stored := _read(path)) is not None:
            return stored
        if _others_may_read(path) or time.monotonic() > deadline:
            path.unlink(missing_ok=True)
        else:
            time.sleep(0.02)
    return token


def _create_exclusively(path: Path, token: str) -> bool:
    # Not by a hard link to a complete file, which some filesystems do not have.
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL
    try:
        descriptor = os.open(path, flags, 0o600)
    except FileExistsError:
        return False
    with os.fdopen(descriptor, "w") as file:
        file.write(f"{token}\n")
    return True


def _others_may_read(path: Path) -> bool:
    try:
        return path.stat().st_mode & 0o077 != 0
    except FileNotFoundError:
        return False


def _has_permissions(folder: Path) -> bool:
    """Whether the filesystem keeps the mode that a new file is given.

    Some do not, such as Windows drives under WSL and SMB shares.
    """
    with tempfile.NamedTemporaryFile(dir=folder, prefix=f".{FILE_NAME}-") as file:
        return not _others_may_read(Path(file.name))
