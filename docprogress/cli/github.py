"""The summary and the annotation of a run in GitHub Actions.

Names and errors come from documents: they are escaped, so that none of them is taken
for Markdown, HTML or a command of the workflow.
"""

import logging
import os
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from pathlib import Path
from typing import IO

from docprogress.cli.ci_log import verbatim
from docprogress.events import Status
from docprogress.formatting import cut, plain
from docprogress.progress.fold import Progress
from docprogress.progress.summary import SUMMARY_ORDER
from docprogress.terminal.results import Reword, describe_end

log = logging.getLogger(__name__)

#: The variables that identify GitHub Actions, and the file for the summary.
ACTIONS_VARIABLE = "GITHUB_ACTIONS"
SUMMARY_VARIABLE = "GITHUB_STEP_SUMMARY"

#: The maximum size of all summaries of a step, in bytes; GitHub accepts 1 MiB.
MOST_SUMMARY_BYTES = 1_000_000

#: The number of failures in the annotation, and the maximum cells of each.
MOST_ANNOTATED = 20
LONGEST_REASON = 300


def report(
    progress: Progress,
    *,
    run_id: str,
    closing: Sequence[str],
    notices: IO[str],
    reword: Reword = str,
    env: Mapping[str, str] = os.environ,
) -> None:
    """Write the summary and the annotation, if this is a step of GitHub Actions.

    Args:
        progress: The run.
        run_id: Its id.
        closing: The parts of its summary.
        notices: Where the annotation is written.
        reword: Puts errors into the words of a shell.
        env: The environment of the step.
    """
    if env.get(ACTIONS_VARIABLE) != "true":
        return
    if progress.failures:
        out = verbatim(notices)
        out.write(f"{annotation(progress, reword)}\n")
        out.flush()
    if path := env.get(SUMMARY_VARIABLE):
        try:
            text = summary(progress, run_id=run_id, closing=closing, reword=reword)
            _append(Path(path), text)
        except OSError as error:
            log.warning("the summary of the step cannot be written: %s", error)


def annotation(progress: Progress, reword: Reword = str) -> str:
    """A workflow command that makes one annotation for all failures."""
    failures = progress.failures
    total = max(progress.total, progress.expected or 0)
    title = f"{len(failures):,} of {total:,} documents failed"
    lines = [
        cut(describe_end(progress.documents[event.document_id], reword), LONGEST_REASON)
        for event in failures[:MOST_ANNOTATED]
    ]
    if more := len(failures) - len(lines):
        lines.append(f"… and {more:,} more")
    text = "\n".join(lines)
    return f"::error title={_property(title)}::{_data(text)}"


def summary(
    progress: Progress, *, run_id: str, closing: Sequence[str], reword: Reword = str
) -> str:
    """The summary of a run, as Markdown with HTML tables."""
    counts = progress.counts
    states = [status for status in SUMMARY_ORDER if counts[status]]
    cells = "".join(f"<td>{counts[status]:,} {status}</td>" for status in states)
    parts = [
        f"### docprogress: run {escape(run_id)}",
        f"{escape(' · '.join(closing))}",
    ]
    if counts[Status.FAILED] or counts[Status.CANCELLED]:
        parts.append(f"<table><tr>{cells}</tr></table>")
    if progress.failures:
        parts.append(_failures(progress, reword))
    return "\n\n".join(parts) + "\n\n"


def _failures(progress: Progress, reword: Reword) -> str:
    """A table of failed documents, as long as the summary may be."""
    # One line: Markdown begins again after an empty one.
    head = "<table><tr><th>Failed document</th><th>Reason</th></tr>"
    rows: list[str] = []
    size = 0
    for row in _failure_rows(progress, reword):
        size += len(row.encode())
        if size > MOST_SUMMARY_BYTES // 2:
            more = len(progress.failures) - len(rows)
            rows.append(f'<tr><td colspan="2">… and {more:,} more</td></tr>')
            break
        rows.append(row)
    return f"{head}{''.join(rows)}</table>"


def _failure_rows(progress: Progress, reword: Reword) -> Iterator[str]:
    for event in progress.failures:
        document = progress.documents[event.document_id]
        name = plain(document.name)
        reason = describe_end(document, reword).removeprefix(f"{name}:").strip()
        yield (
            f"<tr><td><code>{escape(name)}</code></td><td>{escape(reason)}</td></tr>"
        )


def _append(path: Path, text: str) -> None:
    """Append to the summary, unless GitHub would refuse all of it then."""
    present = path.stat().st_size if path.exists() else 0
    if present + len(text.encode()) > MOST_SUMMARY_BYTES:
        log.warning("the summary of this step is full; the run is not in it")
        return
    with path.open("a", encoding="utf-8") as file:
        file.write(text)


def _data(text: str) -> str:
    """Text of a workflow command."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    """A property of a workflow command."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")
