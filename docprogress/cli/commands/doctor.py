"""`docprogress doctor`: print what `diagnosis` finds."""

import sys

import typer

from docprogress.cli.options import ServiceOptions, with_service_options


@with_service_options
def doctor(*, services: ServiceOptions) -> None:
    """Check the installation and its services, and suggest fixes."""
    from rich.console import Console
    from rich.text import Text

    from docprogress.cli.diagnosis import State, findings
    from docprogress.formatting import plain
    from docprogress.settings import redacted
    from docprogress.terminal.listing import labelled
    from docprogress.terminal.shell_words import in_shell_words

    styles = {State.OK: "green", State.NOTE: "yellow", State.BROKEN: "bold red"}
    console = Console(highlight=False)
    width = console.width if sys.stdout.isatty() else None
    broken = False
    for finding in findings(services.load_settings()):
        broken = broken or finding.state is State.BROKEN
        label = Text().append(f"{finding.state:<8}", style=styles[finding.state])
        label.append(f"{finding.subject:<12}", style="dim")
        message = Text(in_shell_words(plain(redacted(finding.message))))
        for line in labelled(label, message, width):
            console.print(line, soft_wrap=True)
    raise typer.Exit(1 if broken else 0)
