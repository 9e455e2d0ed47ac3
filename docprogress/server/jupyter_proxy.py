"""The page in JupyterLab: the server's configuration for jupyter-server-proxy.

The proxy starts the server when a user opens the page, and Jupyter authenticates the
requests. The server listens on a unix socket that other users cannot connect to, so it
needs no token of its own.
"""

import sys
from typing import Any


def describe() -> dict[str, Any]:
    """How to start the server, and its entry in the launcher."""
    return {
        "command": [
            *(sys.executable, "-m", "docprogress", "serve"),
            *("--unix-socket", "{unix_socket}", "--token", ""),
            *("--root-path", "{base_url}docprogress"),
        ],
        "unix_socket": True,
        "timeout": 60,
        "launcher_entry": {"title": "Document progress", "category": "Other"},
    }
