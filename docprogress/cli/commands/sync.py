"""The command `sync`, which keeps documents in sync with a folder."""

import json
import sys
from typing import TYPE_CHECKING, Annotated, Any

import typer

from docprogress.cli.options import (
    Json,
    ServiceOptions,
    Workers,
    with_service_options,
)
from docprogress.cli.processing_options import (
    Case,
    EmbedderName,
    OcrChoice,
    OcrEngineChoice,
    PdfEngineChoice,
    Priority,
    Sink,
    Steps,
)
from docprogress.cli.progress_mode import (
    Display,
    Progress,
    ProgressMode,
    choose,
    status_line,
)
from docprogress.errors import SyncRefused

if TYPE_CHECKING:
    from docprogress.client.changes import FolderChanges

#: How a plan marks the files of each kind.
MARKS = {"added": "+", "changed": "~", "removed": "-", "stale": "*", "failed": "!"}


@with_service_options
def sync(
    *,
    folder: Annotated[
        str, typer.Argument(metavar="FOLDER", help="Folder, or the URL of one.")
    ],
    case: Case = None,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", "-n", help="Print the changes without applying them."
        ),
    ] = False,
    max_delete: Annotated[
        str,
        typer.Option(
            metavar="N|N%",
            help="Missing files that may be removed without confirmation.",
        ),
    ] = "20%",
    yes: Annotated[
        bool,
        typer.Option("--yes", "-y", help="Remove missing files without confirmation."),
    ] = False,
    checksum: Annotated[
        bool,
        typer.Option(
            "--checksum", "-c", help="Compare the contents of files, not their times."
        ),
    ] = False,
    retry_failed: Annotated[
        bool,
        typer.Option(
            "--retry-failed", help="Retry unchanged files that failed before."
        ),
    ] = False,
    steps: Steps = None,
    embedder: EmbedderName = None,
    pdf_engine: PdfEngineChoice = None,
    ocr: OcrChoice = None,
    ocr_engine: OcrEngineChoice = None,
    sink: Sink = None,
    priority: Priority = 0,
    watch: Annotated[
        bool,
        typer.Option(
            "--watch",
            "-w",
            help="Keep running, and synchronize whenever the folder changes.",
        ),
    ] = False,
    interval: Annotated[
        float | None,
        typer.Option(
            metavar="SECONDS",
            min=0.1,
            help="With `--watch`: time between checks of a network drive or URL.",
        ),
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", help="Print the run id without waiting.")
    ] = False,
    progress: Progress = ProgressMode.AUTO,
    as_json: Json = False,
    workers: Workers = None,
    services: ServiceOptions,
) -> None:
    """Process new and changed files of a folder, and remove deleted ones.

    Files that are unchanged or were moved are not processed again. If more files are
    missing than --max-delete allows, or all of them, the command asks for confirmation
    before it changes anything. With --watch it prints a warning instead, removes none
    of them, and processes what else has changed.
    """
    display = choose(progress, as_json=as_json)
    as_json = display is Display.JSON
    if watch:
        _check_watch(
            {
                "--dry-run": dry_run,
                "--yes": yes,
                "--checksum": checksum,
                "--retry-failed": retry_failed,
                "--detach": detach,
            }
        )

    with (
        status_line(display) as line,
        services.open_pipeline(
            line=line,
            start=not dry_run,
            workers=workers,
            embedder=embedder,
            pdf_engine=pdf_engine and pdf_engine.value,
            ocr=ocr and ocr.value,
            ocr_engine=ocr_engine and ocr_engine.value,
            sink=sink,
            steps=steps or None,
        ) as pipeline,
    ):
        from docprogress.cli import folder_watch, live_run

        options: dict[str, Any] = {
            "case_id": case,
            "max_delete": max_delete,
            "checksum": checksum,
            "retry_failed": retry_failed,
        }
        if dry_run:
            line.show("Comparing the folder…")
            changes = pipeline.sync(folder, dry_run=True, **options)
            line.clear()
            _print(changes, as_json=as_json)
            return
        options["priority"] = priority
        if watch:
            chosen = ("case_id", "max_delete", "priority")
            watching = {name: options[name] for name in chosen}
            line.clear()
            status = folder_watch.watch(
                pipeline, folder, watching | {"interval": interval}, display=display
            )
            raise typer.Exit(status)

        def synchronize(*, confirm: bool) -> int:
            return live_run.sync(
                pipeline,
                folder,
                {**options, "confirm": confirm},
                detach=detach,
                output=live_run.Output(
                    display=display, line=line, options=services.arguments()
                ),
            )

        try:
            status = synchronize(confirm=yes)
        except SyncRefused as refused:
            if as_json or not sys.stdin.isatty():
                raise
            from docprogress.terminal.shell_words import in_shell_words

            reason = in_shell_words(str(refused).partition("; nothing was changed")[0])
            typer.confirm(
                f"{reason}. Remove them from the index?", abort=True, err=True
            )
            status = synchronize(confirm=True)
    raise typer.Exit(status)


def _check_watch(given: dict[str, bool]) -> None:
    for option, value in given.items():
        if value:
            raise typer.BadParameter(f"{option} cannot be combined with --watch")


def _print(changes: "FolderChanges", *, as_json: bool) -> None:
    """Print the changes that a sync would apply."""
    from docprogress.formatting import plain
    from docprogress.terminal.shell_words import in_shell_words

    if as_json:
        found = changes.to_dict() | {"refusal": changes.refusal}
        typer.echo(json.dumps(found, ensure_ascii=False))
        return
    for kind, mark in MARKS.items():
        for path in getattr(changes, kind):
            typer.echo(f"{mark} {plain(path)}")
    for old, new in changes.moved:
        typer.echo(f"> {plain(old)} → {plain(new)}")
    typer.echo(str(changes))
    if changes.refusal is not None:
        refusal = in_shell_words(plain(changes.refusal))
        typer.echo(f"docprogress: needs confirmation: {refusal}", err=True)
