"""The local services: a private Valkey and workers, for one home folder."""

from docprogress.local.lock import is_held
from docprogress.local.services import Services, down, prepare, revive, status, up
from docprogress.local.valkey import server_binary, socket_path

__all__ = [
    "Services",
    "down",
    "is_held",
    "prepare",
    "revive",
    "server_binary",
    "socket_path",
    "status",
    "up",
]
