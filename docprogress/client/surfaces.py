"""Which modules show runs; kept apart from what uses them, as every import loads it."""

#: The module whose `show(run)` and `upload(pipeline, **options)` are used, and a small
#: one whose `shown(text)` says what is waited for. Imported when they are needed.
module: str | None = None
waits: str | None = None


def register_surface(surface: str, *, waiting: str | None = None) -> None:
    """Set the modules of this process."""
    global module, waits  # noqa: PLW0603 - one surface per process
    module = surface
    waits = waiting
