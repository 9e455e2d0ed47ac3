"""Translate suggestions in errors from Python to the shell.

An error suggests Python code: `run.retry(passwords=[…])`, `Pipeline(home=…)`, or the
setting `max_pages`. In a terminal, that is a command, an option, or an environment
variable.
"""

import re
import shlex
from collections.abc import Iterable

#: The settings that commands have options for. The others are environment variables.
OPTIONS = frozenset(
    {
        *("home", "redis_url", "database_url", "storage_url", "workers"),
        *("embedder", "pdf_engine", "ocr", "ocr_engine", "sink"),
        *("max_delete", "skip_existing", "rerank"),
    }
)

#: Calls, and the commands that do the same.
_COMMANDS = {
    "run.retry(passwords=[…])": "retry {run} --ask-password",
    "run.wait()": "watch {run}",
    "run.cancel()": "cancel {run}",
    "run.to_frame()": "status {run}",
    "pipeline.runs()": "runs",
}

_CALLS = re.compile("|".join(map(re.escape, _COMMANDS)))
_GIVEN = re.compile(r"Pipeline\((\w+)=…\)|`(sink|steps)=…`")
_CONFIRM = re.compile(r"pipeline\.sync\(…, confirm=True\)")
_PASSWORD = re.compile(r"; give it to run\.retry\(passwords=\[…\]\)")
#: A name of several words, perhaps with a value, that is not part of a path or file
#: name.
_NAMES = re.compile(
    r"(?<![\w./:$-])([a-z]+(?:_[a-z]+)+)(?:=('[^']*'|\d[\w.%]*))?(?![\w/=(-]|\.\w)"
)


def in_shell_words(
    text: str, *, run_id: str | None = None, options: Iterable[str] = ()
) -> str:
    """An error with its suggestions for a shell.

    Args:
        text: The error.
        run_id: The run for the commands; None if a command that prompts for a
            document's password is suggested elsewhere.
        options: Options that name the services of the run.
    """
    if not _is_of_python(text):
        return text
    if run_id is None:
        text = _PASSWORD.sub("", text)

    def command(found: re.Match[str]) -> str:
        words = _COMMANDS[found[0]].format(run=run_id or "RUN").split()
        return shlex.join(["docprogress", *words, *options])

    text = _CALLS.sub(command, text)
    text = _CONFIRM.sub("--yes", text)
    text = _GIVEN.sub(lambda found: _named(found[1] or found[2].rstrip("s")), text)
    return _NAMES.sub(_setting, text)


def _is_of_python(text: str) -> bool:
    return "_" in text or "…" in text or "()" in text


def _setting(found: re.Match[str]) -> str:
    from docprogress.settings import Settings

    name, value = found[1], found[2]
    if name not in OPTIONS and name not in Settings.model_fields:
        return found[0]
    if not value:
        return _named(name)
    return f"{_named(name)}{' ' if name in OPTIONS else '='}{value.strip(chr(39))}"


def _named(name: str) -> str:
    if name in OPTIONS or name == "step":
        return f"--{name.replace('_', '-')}"
    return f"DOCPROGRESS_{name.upper()}"
