"""`docprogress doctor`: print what `diagnosis` finds."""

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

    styles = {State.OK: "green", State.NOTE: "yellow", State.BROKEN: "bold red"}
    console = Console(highlight=False, soft_wrap=True)
    broken = False
    for finding in findings(services.load_settings()):
        broken = broken or finding.state is State.BROKEN
        line = Text(f"{finding.state:<8}", style=styles[finding.state])
        line.append(f"{finding.subject:<12}", style="dim")
        console.print(line.append(plain(redacted(finding.message)), style="default"))
    raise typer.Exit(1 if broken else 0)
