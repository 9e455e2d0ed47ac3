"""Progress over HTTP: an application to serve, or to mount in another one."""

from docprogress.server.app import create_app
from docprogress.server.background import BackgroundServer
from docprogress.server.options import ServerOptions

__all__ = ["BackgroundServer", "ServerOptions", "create_app"]
