"""Where a sink is: a URL of a built-in one, or the import path of a class.

Passwords are separated from the location: it is stored with a run, they are not.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, parse_qsl, quote, unquote, urlencode, urlsplit

from docprogress.errors import SettingsError
from docprogress.steps.definition import PATH_PATTERN

#: The names of the built-in sinks in messages, by the scheme of their URLs.
NAMES = {
    "lancedb": "LanceDB",
    "pgvector": "pgvector",
    "qdrant": "Qdrant",
    "qdrant+http": "Qdrant",
    "qdrant+https": "Qdrant",
}

#: The table or collection that is used if the URL names none.
DEFAULT_TABLE = "chunks"

#: The parts of a table's name with its schema.
_DOTTED = 2

_HOW = (
    "name one as 'lancedb:///FOLDER?table=NAME', "
    "'pgvector://USER:PASSWORD@HOST/DATABASE?table=SCHEMA.NAME', "
    "'qdrant+http://HOST:6333/COLLECTION', or your own class as 'module:Class'"
)

#: Names of a URL's options that are secrets.
_SECRET = re.compile(r"(?i).*(key|password|token|secret).*")


@dataclass(frozen=True, slots=True, kw_only=True)
class SinkLocation:
    """Where a sink is."""

    #: A scheme of a built-in sink; empty for a class.
    scheme: str
    #: The URL without secrets, or the class's import path.
    public: str
    #: The same with its secrets.
    url: str = field(repr=False)
    #: The folder of the class's module, if that is not installed.
    folder: str | None = None

    @property
    def name(self) -> str:
        """The sink in words."""
        return NAMES.get(self.scheme, self.public)

    @property
    def parts(self) -> SplitResult:
        """The URL's parts."""
        return urlsplit(self.url)

    @property
    def options(self) -> dict[str, str]:
        """The options behind the URL's question mark."""
        return dict(parse_qsl(self.parts.query))

    @property
    def path(self) -> str:
        """The URL's path, unquoted."""
        return unquote(self.parts.path)


def locate(sink: str, *, folder: str | None = None) -> SinkLocation:
    """Read the setting `sink`.

    Raises:
        SettingsError: It names no sink. The message does not contain it.
    """
    if PATH_PATTERN.fullmatch(sink):
        return SinkLocation(scheme="", public=sink, url=sink, folder=folder)
    try:
        parts = urlsplit(sink)
        _ = parts.port
    except ValueError:
        raise SettingsError(f"sink: not a URL: {_HOW}") from None
    if parts.scheme not in NAMES or "://" not in sink:
        raise SettingsError(f"sink: unknown sink: {_HOW}")
    if parts.scheme in ("lancedb", "qdrant"):
        parts = _in_folder(parts)
    elif parts.scheme == "pgvector":
        if len(dict(parse_qsl(parts.query)).get("table", "").split(".")) > _DOTTED:
            raise SettingsError("sink: the table must be 'name' or 'schema.name'")
    elif not parts.hostname:
        raise SettingsError(f"sink: the URL names no host: {_HOW}")
    return SinkLocation(
        scheme=parts.scheme,
        public=_joined(_without_secrets(parts)),
        url=_joined(parts),
    )


def with_secrets(
    public: str, *, folder: str | None, known: Iterable[str | None]
) -> SinkLocation:
    """The sink of a run, with the secrets of the first URL that is known of it.

    Raises:
        SettingsError: This version does not support such a sink.
    """
    for url in known:
        if url is not None:
            location = locate(url, folder=folder)
            if location.public == public:
                return location
    return locate(public, folder=folder)


def _in_folder(parts: SplitResult) -> SplitResult:
    """The URL with an absolute folder: a run's workers have another current one."""
    path = unquote(parts.netloc + parts.path)
    if not path.strip("/"):
        raise SettingsError(f"sink: the URL names no folder: {_HOW}")
    folder = Path(path).expanduser().absolute()
    return parts._replace(netloc="", path=quote(str(folder)))


def _joined(parts: SplitResult) -> str:
    # `urlunsplit` leaves out the slashes before an empty host.
    query = f"?{parts.query}" if parts.query else ""
    return f"{parts.scheme}://{parts.netloc}{parts.path}{query}"


def _without_secrets(parts: SplitResult) -> SplitResult:
    user, at, host = parts.netloc.rpartition("@")
    shown = user.partition(":")[0] + at + host
    options = [(k, v) for k, v in parse_qsl(parts.query) if not _SECRET.fullmatch(k)]
    return parts._replace(netloc=shown, query=urlencode(options, quote_via=quote))
