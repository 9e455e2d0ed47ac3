"""Settings of services that belong to one test."""

from pathlib import Path
from typing import Any


def service_options(folder: Path, redis_url: str) -> dict[str, Any]:
    """Keyword arguments for `load` and `Pipeline`: a home, a database and a storage."""
    return {
        "home": folder / "home",
        "redis_url": redis_url,
        "database_url": f"sqlite:///{folder / 'store.db'}",
        "storage_url": (folder / "files").as_uri(),
    }


def command_line(options: dict[str, Any]) -> list[str]:
    """The same, as options of the command line; the home is set by the environment."""
    return [
        f"--{name.replace('_', '-')}={value}"
        for name, value in options.items()
        if name != "home"
    ]
