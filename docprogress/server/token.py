"""The token that is made up where none was given, kept where only its user reads it.

It lies in a file of the home folder, so that all processes of an application, and
the next start of a service, have the same one, and no log shows it.
"""

import os
import secrets
import tempfile
from pathlib import Path
from urllib.parse import quote

from docprogress.errors import SettingsError

#: The file's name, in the home folder.
NAME = "server-token"


def made_up() -> str:
    """A token that nobody guesses, without a character that a URL would escape."""
    return secrets.token_urlsafe(24)


def fragment(token: str) -> str:
    """What is appended to the page's address to open it with the token.

    No browser sends what follows the hash, and no server logs it.
    """
    return f"#token={quote(token, safe='')}"


def place(home: Path) -> Path:
    """The file of the token."""
    return home / NAME


def kept(home: Path) -> str:
    """The token of the file, which is made with a new token if it is not there.

    Raises:
        SettingsError: The file can be neither read nor written.
    """
    path = place(home)
    try:
        return _read(path) or _write(path)
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not text"
        raise SettingsError(
            f"no token was given, and {path} cannot be used for one ({reason}): give "
            "a token, or make the home folder writable"
        ) from error


def _read(path: Path) -> str | None:
    try:
        token = path.read_text("utf-8").strip()
    except FileNotFoundError:
        return None
    if path.stat().st_mode & 0o077:
        # Others may have read it.
        path.unlink(missing_ok=True)
        return None
    return token or None


def _write(path: Path) -> str:
    """Put a new token into the file; of several that do so, the first one wins."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    token = made_up()
    # Readable by its owner alone from the start, and never seen half-written.
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{NAME}-")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(f"{token}\n")
        try:
            os.link(name, path)
        except FileExistsError:
            found = _read(path)
            if found is not None:
                return found
            Path(name).replace(path)
    finally:
        Path(name).unlink(missing_ok=True)
    return token
