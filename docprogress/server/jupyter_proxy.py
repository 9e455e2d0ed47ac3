"""The page inside JupyterLab: what jupyter-server-proxy is told of the server.

It starts the server when somebody opens the page, and lets in whoever Jupyter lets
in.  The server listens on a socket that nobody else on the machine can reach, so
that it needs no token of its own.
"""

import sys
from typing import Any


def describe() -> dict[str, Any]:
    """How to start the server, and what the launcher shows."""
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
