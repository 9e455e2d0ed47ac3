"""Keeps passwords out of the process list, which every user can read."""

import os
import sys
from collections.abc import Sequence

#: Options that may contain a secret, with their environment variables, which only the
#: same user can read.
SECRET_OPTIONS = {
    "--redis-url": "DOCPROGRESS_REDIS_URL",
    "--database-url": "DOCPROGRESS_DATABASE_URL",
    "--storage-url": "DOCPROGRESS_STORAGE_URL",
    "--sink": "DOCPROGRESS_SINK",
    "--token": "DOCPROGRESS_SERVER_TOKEN",
}


#: The options that name services.
SERVICE_OPTIONS = ("--home", "--redis-url", "--database-url", "--storage-url")


def service_options(arguments: Sequence[str]) -> list[str]:
    """The service options of a command, for the commands that it suggests."""
    given: list[str] = []
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        if argument == "--":
            break
        if option in SERVICE_OPTIONS:
            given += [option, value if equals else next(rest, "")]
    return given


def hide_passwords() -> None:
    """Restart the process with secrets moved from its arguments to its environment."""
    arguments, moved = without_passwords(sys.argv[1:])
    if moved:
        start = len(sys.orig_argv) - len(sys.argv) + 1
        command = [sys.executable, *sys.orig_argv[1:start], *arguments]
        os.execve(sys.executable, command, os.environ | moved)  # noqa: S606


def without_passwords(
    arguments: Sequence[str],
) -> tuple[list[str], dict[str, str]]:
    """Separate arguments with secrets, by environment variable, from the others."""
    given: list[tuple[str, list[str]]] = []
    moved: dict[str, str] = {}
    rest = iter(arguments)
    for argument in rest:
        option, equals, value = argument.partition("=")
        tokens = [argument]
        if argument == "--":
            option, tokens = "", [argument, *rest]
        elif option in SECRET_OPTIONS:
            if not equals:
                following = next(rest, None)
                tokens += [] if following is None else [following]
                value = following or ""
            # The last occurrence counts, here or in the environment.
            given = [(name, kept) for name, kept in given if name != option]
            moved.pop(SECRET_OPTIONS[option], None)
            if (option == "--token" and value) or _holds_password(value):
                moved[SECRET_OPTIONS[option]] = value
                continue
        given.append((option, tokens))
    return [token for _, tokens in given for token in tokens], moved


def _holds_password(url: str) -> bool:
    from docprogress.settings import redacted

    return redacted(url) != url
