"""Commands that start and stop services: `up`, `down`, `worker`."""

import gc
import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from docprogress.cli.options import (
    Home,
    ServiceOptions,
    Workers,
    with_service_options,
)
from docprogress.errors import SettingsError

if TYPE_CHECKING:
    from docprogress.settings import Settings


def up(*, workers: Workers = None, home: Home = None) -> None:
    """Start the local services if they are not running."""
    from docprogress import local

    settings = _local_settings(home, workers=workers)
    found = local.up(settings)
    typer.echo(
        f"local services are running in {settings.home} "
        f"(process {found.pid}, {found.workers} worker{'s' * (found.workers != 1)})"
    )


def down(*, home: Home = None) -> None:
    """Stop the local services.

    Unfinished documents continue when the services are started again.
    """
    from docprogress import local

    settings = _local_settings(home)
    stopped = local.down(settings.home)
    typer.echo(
        f"stopped the local services in {settings.home}"
        if stopped
        else f"no local services are running in {settings.home}"
    )


@with_service_options
def worker(
    *,
    queues: Annotated[
        str | None,
        typer.Option(
            metavar="A,B",
            help="Queues to serve, separated by commas.",
            show_default="default",
        ),
    ] = None,
    concurrency: Annotated[
        int | None,
        typer.Option(
            metavar="N",
            min=1,
            help="Number of processes.",
            show_default="one per core",
        ),
    ] = None,
    services: ServiceOptions,
) -> None:
    """Run a worker in the foreground.

    Use the same Redis, database and storage as the clients. With --home, the worker
    joins the local services in that folder, and starts them if necessary.
    """
    # Without garbage collection during imports, a worker starts a sixth faster.
    gc.disable()
    from docprogress import local
    from docprogress.local.home import SUPERVISED
    from docprogress.worker.main import run_worker

    gc.enable()

    names = [name.strip() for name in (queues or "default").split(",") if name.strip()]
    settings = services.load_settings()
    if services.home is not None and settings.local:
        # Only on request: on a server, a missing Redis is a configuration error.
        found = local.up(settings)
        settings = settings.model_copy(update={"redis_url": found.redis_url})

    def replace_supervisor() -> None:
        local.revive(settings)

    # Removed from the environment, since it does not hold for child processes.
    supervisor = os.environ.pop(SUPERVISED, None)
    status = run_worker(
        settings,
        queues=[None if name == "default" else name for name in names],
        concurrency=concurrency,
        supervisor=None if supervisor is None else int(supervisor),
        # If the supervisor dies, its worker starts another one.
        orphaned=replace_supervisor,
    )
    raise typer.Exit(status)


def _local_settings(home: Path | None, *, workers: int | None = None) -> "Settings":
    from docprogress.settings import load

    settings = load(home=home, workers=workers)
    if not settings.local:
        raise SettingsError(
            "DOCPROGRESS_REDIS_URL is set, so local services are not used; unset it to "
            "manage them"
        )
    return settings
