"""The local services: a private Valkey and workers, for one home folder.

Each public name is imported when it is first used: a process that starts the services
does so before it has loaded what it needs itself.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from docprogress.local.home import prepare
    from docprogress.local.launch import launched
    from docprogress.local.lock import is_held
    from docprogress.local.services import Services, down, revive, status, up
    from docprogress.local.valkey import server_binary, socket_path

__all__ = [
    "Services",
    "down",
    "is_held",
    "launched",
    "prepare",
    "revive",
    "server_binary",
    "socket_path",
    "status",
    "up",
]

#: The module that defines each public name.
_HOMES = {
    "Services": "services",
    "down": "services",
    "is_held": "lock",
    "launched": "launch",
    "prepare": "home",
    "revive": "services",
    "server_binary": "valkey",
    "socket_path": "valkey",
    "status": "services",
    "up": "services",
}

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        if name in _HOMES:
            return getattr(import_module(f"docprogress.local.{_HOMES[name]}"), name)
        raise AttributeError(f"module 'docprogress.local' has no attribute {name!r}")
