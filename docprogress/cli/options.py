"""Options that several commands share, and the pipeline or settings they select."""

import contextlib
import functools
import inspect
from collections.abc import Callable
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from docprogress.cli.help import OUTPUT, SERVICES

if TYPE_CHECKING:
    from docprogress.client.pipeline import Pipeline
    from docprogress.settings import Settings
    from docprogress.terminal.status_line import StatusLine

Home = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of the local services and their data.",
        rich_help_panel=SERVICES,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        metavar="N",
        help="Number of local worker processes.",
        rich_help_panel=SERVICES,
    ),
]
Json = Annotated[
    bool,
    typer.Option(
        "--json",
        help="Print JSON, one object per line.",
        rich_help_panel=OUTPUT,
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]
RunId = Annotated[
    str,
    typer.Argument(metavar="RUN", help="Run id, the beginning of one, or `latest`."),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class ServiceOptions:
    """The services that a command uses: local ones, unless a URL names others."""

    home: Home = None
    redis_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Use this Redis instead of local services.",
            rich_help_panel=SERVICES,
        ),
    ] = None
    database_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Use this database instead of SQLite.",
            rich_help_panel=SERVICES,
        ),
    ] = None
    storage_url: Annotated[
        str | None,
        typer.Option(
            metavar="URL",
            help="Store files here instead of in the home folder.",
            rich_help_panel=SERVICES,
        ),
    ] = None

    def open_pipeline(
        self, *, line: "StatusLine | None" = None, **options: Any
    ) -> "Pipeline":
        """A pipeline on these services, with further options of `Pipeline`.

        Args:
            line: Shows what is waited for.
            options: Options of `Pipeline`.
        """
        if line is not None:
            line.show("Starting…")
        given = {**self._given(), **options}
        with contextlib.ExitStack() as stack:
            starts = False
            if options.get("start", True):
                from docprogress.local import launched

                # They load their modules while this process loads its own.
                starts = stack.enter_context(launched(**given))
            if line is not None and starts:
                line.announce("Starting workers…")
            from docprogress.client.pipeline import Pipeline

            if line is not None and options.get("start", True) and not starts:
                self._show_wait(line)
            return Pipeline(**given)

    def _show_wait(self, line: "StatusLine") -> None:
        from docprogress import local

        settings = self.load_settings()
        if not settings.local:
            line.show("Connecting to Redis…")
        elif local.status(settings.home) is None:
            line.announce("Starting workers…")
        else:
            line.show("Connecting to local services…")

    def arguments(self) -> list[str]:
        """The options that were given, for another command on the same services.

        A URL with a secret is left out: it is in no argument of this process.
        """
        given = []
        for name, value in self._given().items():
            if value is not None:
                given += [f"--{name.replace('_', '-')}", str(value)]
        return given

    def load_settings(self, **options: Any) -> "Settings":
        """The settings, with these options on top of the environment's."""
        from docprogress.settings import load

        return load(**self._given(), **options)

    def _given(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in fields(self)}


def with_service_options(command: Callable[..., None]) -> Callable[..., None]:
    """Replace a command's argument `services` by the options that make it up."""
    signature = inspect.signature(command)
    own = [each for each in signature.parameters.values() if each.name != "services"]
    shared = [
        inspect.Parameter(
            field.name,
            inspect.Parameter.KEYWORD_ONLY,
            default=field.default,
            annotation=field.type,
        )
        for field in fields(ServiceOptions)
    ]

    @functools.wraps(command)
    def wrapper(**given: Any) -> None:
        services = {field.name: given.pop(field.name) for field in shared}
        command(services=ServiceOptions(**services), **given)

    # What Typer reads the options from.
    parameters = [*own, *shared]
    wrapper.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    wrapper.__annotations__ = {each.name: each.annotation for each in parameters}
    return wrapper
