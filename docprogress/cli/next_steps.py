"""The commands that are useful after a run."""

import shlex
import textwrap
from collections import Counter
from collections.abc import Sequence

from rich.text import Text

from docprogress.events import Status
from docprogress.formatting import plain
from docprogress.progress.document import DocumentProgress
from docprogress.progress.fold import Progress

#: Text in the errors of encrypted documents.
_NEEDS_PASSWORD = "needs a password"  # noqa: S105 - not a password


def next_steps(
    progress: Progress, *, run_id: str, width: int, options: Sequence[str] = ()
) -> list[Text]:
    """A line for each command, with its purpose.

    Args:
        progress: The run.
        run_id: Its id.
        width: The cells of a line; one that is too short gets commands only.
        options: Those that name the services of the run.
    """
    counts = progress.counts
    commands: list[tuple[list[str], str]] = []
    documents = progress.documents.values()
    done = [each for each in documents if each.status is Status.COMPLETED]
    if done:
        show = ["show", _document(done), "--run", run_id]
        commands.append((show, "print the text of a document"))
        search = ["search", "QUERY", "--run", run_id]
        commands.append((search, "search the documents"))
    if unsuccessful := counts[Status.FAILED] + counts[Status.CANCELLED]:
        what = " and ".join(
            str(status)
            for status in (Status.FAILED, Status.CANCELLED)
            if counts[status]
        )
        noun = "document" if unsuccessful == 1 else "documents"
        commands.append((["retry", run_id], f"process the {what} {noun} again"))
    if any(_NEEDS_PASSWORD in (event.error or "") for event in progress.failures):
        unlock = ["retry", run_id, "--ask-password"]
        commands.append((unlock, "process them with a password"))
    lines = [
        (shlex.join(["docprogress", *command, *options]), purpose)
        for command, purpose in commands
    ]
    longest = max((len(line) for line, _ in lines), default=0)
    if any(longest + len(purpose) + 4 > width for _, purpose in lines):
        return [Text(line) for command, _ in lines for line in _wrapped(command, width)]
    return [
        Text(f"  {line:<{longest}}").append(f"  {purpose}", style="dim")
        for line, purpose in lines
    ]


def _wrapped(command: str, width: int) -> list[str]:
    """A command in lines that a shell takes for one."""
    lines = textwrap.wrap(
        command,
        max(width - 2, 1),
        initial_indent="  ",
        subsequent_indent="    ",
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [*(f"{line} \\" for line in lines[:-1]), *lines[-1:]]


def _document(completed: Sequence[DocumentProgress]) -> str:
    """A document by its name, or by its id if the name cannot be typed."""
    names = Counter(document.name for document in completed)
    for document in completed:
        name = document.name
        if plain(name) == name and not name.startswith("-") and names[name] == 1:
            return name
    return completed[0].id
