"""What can be set, by argument or by a `DOCPROGRESS_*` environment variable."""

import json
import logging
import os
import re
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, get_args, get_origin
from urllib.parse import urlsplit

import platformdirs
from pydantic import (
    BeforeValidator,
    Field,
    SecretStr,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic import Secret as Hidden
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict
from pydantic_settings import SettingsError as Unparsable

from docprogress.errors import SettingsError

MIB = 1024 * 1024


def _parsed(value: Any) -> Any:
    """Options as a variable of the environment has them, in JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("it is not JSON") from None


if TYPE_CHECKING:
    Secret = str | None
    SecretOptions = dict[str, Any]
    SecretList = list[str]
else:
    #: A setting that may hold a password. The model keeps it hidden, also in what is
    #: dumped of it, and only the attribute itself gives it away.
    Secret = Annotated[SecretStr | None, Field(repr=False)]
    #: The same of several, by name.
    SecretOptions = Annotated[
        Hidden[dict[str, Any]], NoDecode, BeforeValidator(_parsed), Field(repr=False)
    ]
    #: The same of several without names.
    SecretList = Annotated[
        Hidden[list[str]], NoDecode, BeforeValidator(_parsed), Field(repr=False)
    ]


class Hiding(BaseSettings):
    """A model whose secrets are hidden, except from whoever reads the attribute."""

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            hidden = isinstance(value, (SecretStr, Hidden))
            return value.get_secret_value() if hidden else value

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Self:
        """A copy with other values, whose secrets are hidden as well."""
        given = {
            name: _hidden(type(self), name, value)
            for name, value in (update or {}).items()
        }
        return super().model_copy(update=given, deep=deep)


def _hidden(model: type[BaseSettings], name: str, value: Any) -> Any:
    """The value as the model keeps it, which validates nothing that a copy is given."""
    field = model.model_fields.get(name)
    annotation = None if field is None else field.annotation
    if isinstance(value, str) and SecretStr in get_args(annotation):
        return SecretStr(value)
    if isinstance(value, dict) and get_origin(annotation) is Hidden:
        return Hidden[dict[str, Any]](value)
    if isinstance(value, list) and get_origin(annotation) is Hidden:
        return Hidden[list[str]](value)
    return value


class Settings(Hiding):
    """Every setting, with its default.

    An argument wins over the environment variable `DOCPROGRESS_` + its name.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOCPROGRESS_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    #: Where the local services keep everything that is not set below.
    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("docprogress"))
    )
    #: `redis://`, `rediss://`, `redis+sentinel://`, `rediss+sentinel://` or `unix://`;
    #: `valkey` means the same as `redis`.  None: local services are started.
    redis_url: Secret = None
    #: Celery's broker, if it is not the Redis above: another one, or RabbitMQ by
    #: `amqp://` or `amqps://`.
    broker_url: Secret = None
    #: A SQLAlchemy URL.  None: SQLite in the home folder.
    database_url: Secret = None
    #: Where documents' bytes are kept: anything fsspec reads.  None: the home folder.
    storage_url: Secret = None
    #: What the library of that storage is given, in JSON: an endpoint, a key, ….  What
    #: is not, it looks for by itself: S3's in the `AWS_*` variables of the environment.
    storage_options: SecretOptions = Field(default_factory=dict, repr=False)

    #: Worker processes on this machine.  None: one for each core.
    workers: int | None = Field(default=None, ge=1, le=1024)
    #: `hashing`; `wordllama` or `universal-sentence-encoder` (`docprogress[semantic]`);
    #: `sentence-transformers:MODEL` or `openai:MODEL`.
    embedder: str = "hashing"
    #: The OpenAI-compatible endpoint, without `/embeddings`.
    embedding_url: Secret = "https://api.openai.com/v1"
    #: The key that this endpoint asks for.
    embedding_api_key: Secret = None
    #: Chunks that are embedded together.
    embedding_batch: int = Field(default=64, ge=1, le=10_000)
    #: The most tokens, by a cautious estimate, that an endpoint is sent in one request.
    #: Fewer are sent once it has refused a request as too large.
    embedding_batch_tokens: int = Field(default=30_000, ge=64)
    #: The most tokens of a text that the model takes.  A longer chunk is embedded in
    #: parts, and its vector is their mean.  None: what the model of
    #: sentence-transformers says, or what an endpoint refuses.
    embedding_tokens: int | None = Field(default=None, ge=16)
    #: Tried on encrypted PDFs, Office documents and archives, in JSON.  They are never
    #: stored or shown.  Workers try those of their own environment as well.
    passwords: SecretList = Field(default_factory=list, repr=False)
    #: What reads PDFs; `auto` tries PDFium, then pypdf.
    pdf_engine: Literal["auto", "pdfium", "pypdf"] = "auto"
    #: Encodings that texts which are not UTF-8 probably have, such as `["cp1251"]`.
    #: They are preferred, not forced; without any, those of the locale's language are.
    encodings: list[str] = Field(default_factory=list)
    #: Whether comments in text documents, spreadsheets and presentations are read.
    include_comments: bool = False
    #: Whether hidden slides, sheets, rows and columns are read.
    include_hidden: bool = False
    #: Whether text is recognised in images: `auto` does so for pages without usable
    #: text, if the engine is installed; `always` does so for every page of a PDF.
    ocr: Literal["auto", "always", "never"] = "auto"
    #: What recognises it: `rapidocr` (`docprogress[ocr]`), or the `tesseract` on the
    #: worker's PATH.
    ocr_engine: Literal["rapidocr", "tesseract"] = "rapidocr"
    #: The languages that Tesseract expects, by the names of its data files: `eng`,
    #: `deu`.  RapidOCR needs none.
    ocr_languages: list[str] = Field(default_factory=list)
    #: Dots per inch at which pages of a PDF are drawn to be recognised.
    ocr_dpi: int = Field(default=200, ge=50, le=1200)
    #: What is read of an HTML page: `all` that it shows, or its `main` content, without
    #: navigation, sidebars and footers; needs `docprogress[html]`.
    html_content: Literal["all", "main"] = "all"
    #: Whether pages have Markdown, with headings, lists and tables: `auto` if their
    #: structure is known; `off` leaves out what takes time to find.
    structure: Literal["auto", "off"] = "auto"
    #: Where documents are stored after embedding: `lancedb:///FOLDER?table=NAME`,
    #: `pgvector://USER:PASSWORD@HOST/DATABASE?table=SCHEMA.NAME`,
    #: `qdrant+http://HOST:6333/COLLECTION`, or `module:Class` for a sink of your own.
    #: None: nowhere else.
    sink: Secret = None
    #: The most characters of a chunk.
    chunk_characters: int = Field(default=1200, ge=50, le=1_000_000)
    #: What chunks are measured in: `characters`, or `tokens` of the embedder.
    chunk_unit: Literal["characters", "tokens"] = "characters"
    #: The most tokens of a chunk, if that is the unit; never more than the embedder's
    #: window.
    chunk_tokens: int = Field(default=256, ge=16, le=1_000_000)
    #: How many characters, or tokens, two neighbours share.  None: 100 characters, or a
    #: twelfth of `chunk_tokens`.
    chunk_overlap: int | None = Field(default=None, ge=0)
    #: The import path of a function that makes chunks of pages: `my_steps:sections`.
    #: None: the built-in step, to which the settings above apply.
    chunker: str | None = None

    #: The most bytes of a document.
    max_bytes: int = Field(default=512 * MIB, ge=1)
    #: The most pages of a document.
    max_pages: int = Field(default=5_000, ge=1)
    #: The most members of a submitted archive or mail, those of nested ones included.
    max_members: int = Field(default=10_000, ge=0)
    #: How deep archives and mails may be nested.
    max_depth: int = Field(default=5, ge=0)
    #: The most bytes that the members of a submitted archive or mail have together.
    max_unpacked_bytes: int = Field(default=4096 * MIB, ge=0)
    #: The most characters of a document's text.
    max_characters: int = Field(default=50_000_000, ge=1)
    #: Seconds that one step may take without progress: without giving a page or chunk,
    #: and without being done with one that it was given.
    step_seconds: float = Field(default=600.0, gt=0)
    #: Seconds that one step may take in total, whatever its progress.  None: no limit.
    total_seconds: float | None = Field(default=None, gt=0)
    #: Seconds that a download may take.
    download_seconds: float = Field(default=120.0, gt=0)
    #: Bytes of memory that a worker process may use.
    worker_memory: int = Field(default=2048 * MIB, ge=64 * MIB)
    #: How often a document is tried before it has failed.
    max_attempts: int = Field(default=3, ge=1, le=100)
    #: Seconds before the second attempt; doubled for each one after it, up to an hour.
    retry_seconds: float = Field(default=1.0, ge=0, le=3600)

    #: Seconds that a document may wait for a service that is away or limits its use,
    #: such as the embedding endpoint.  Waiting spends no attempt.
    wait_seconds: float = Field(default=3600.0, ge=0)

    #: Progress events a second and document; 0 publishes none at all.
    events_per_second: float = Field(default=20.0, ge=0)
    #: Seconds that Redis remembers a document after its last event.
    remember_seconds: float = Field(default=7 * 24 * 3600.0, gt=0)
    #: Seconds that a worker's claim on a document holds without being renewed.
    lease_seconds: float = Field(default=15.0, ge=1)
    #: Seconds without work or watchers after which local services leave.
    idle_seconds: float = Field(default=600.0, gt=0)

    @field_validator("encodings")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        for name in names:
            try:
                b"aaaa".decode(name, "replace")
            except (LookupError, ValueError):
                raise ValueError(f"there is no encoding {name!r}") from None
        return names

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        size = f"chunk_{self.chunk_unit}"
        if (self.chunk_overlap or 0) >= getattr(self, size):
            raise ValueError(f"chunk_overlap must be less than {size}")
        for name, schemes in _SCHEMES.items():
            url = getattr(self, name)
            if url is not None and _scheme(name, url) not in schemes:
                wanted = ", ".join(f"{scheme}://" for scheme in schemes)
                raise ValueError(f"{name} must begin with one of {wanted}")
        return self

    @property
    def database(self) -> str:
        """The SQLAlchemy URL of the store: the home folder's unless one is set."""
        return self.database_url or f"sqlite:///{self.home / 'docprogress.db'}"

    @property
    def storage(self) -> str:
        """Where documents' bytes are kept: the home folder unless one is set."""
        return self.storage_url or (self.home / "files").as_uri()

    @property
    def processes(self) -> int:
        """How many worker processes this machine runs: one for each core it may use."""
        if self.workers is not None:
            return self.workers
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @property
    def local(self) -> bool:
        """Whether local services are wanted: nobody named a Redis."""
        return self.redis_url is None


#: The settings that belong to a run rather than to a machine: they travel with it.
RUN_SETTINGS = (
    "embedder",
    "embedding_batch",
    "embedding_batch_tokens",
    "embedding_tokens",
    "pdf_engine",
    "include_comments",
    "encodings",
    "include_hidden",
    "ocr",
    "ocr_engine",
    "ocr_languages",
    "ocr_dpi",
    "html_content",
    "structure",
    "chunk_characters",
    "chunk_unit",
    "chunk_tokens",
    "chunk_overlap",
    "max_bytes",
    "max_pages",
    "max_characters",
    "max_members",
    "max_depth",
    "max_unpacked_bytes",
    "step_seconds",
    "total_seconds",
    "download_seconds",
    "max_attempts",
    "retry_seconds",
    "wait_seconds",
)

_REDIS = (
    "redis",
    "rediss",
    "redis+sentinel",
    "rediss+sentinel",
    "unix",
    "valkey",
    "valkeys",
    "valkey+sentinel",
    "valkeys+sentinel",
)

_SCHEMES = {"redis_url": _REDIS, "broker_url": (*_REDIS, "amqp", "amqps")}

# What names a secret: in a query, a header, a setting, a line of a log.
_NAMES = (
    r"[\w.-]{0,40}(?:password|passwd|passphrase|pwd|secret|credentials?|signature|token"
    r"|(?:api|access|account|shared|private|encryption)[ _-]?key(?:[_-]?id)?)"
)
# In a query, what is short as well.
_QUERY_NAMES = rf"(?:{_NAMES}|[\w.-]{{0,40}}key|sig|auth|code|pass)"

#: What is taken for a secret, each with what is shown instead.
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), shown)
    for pattern, shown in (
        # A password in a URL, up to the last @: it may not have been quoted.
        (r"(?<=://)([^:/?#@\s]{0,200}):\S{0,500}@", r"\1:***@"),
        (r"(?<=://)([^:/?#@\s]{0,200}):[^/?#@\n]{1,200}@", r"\1:***@"),
        # A name without a password may be a token.
        (r"(?<=://)(?!\*\*\*@)[^:/?#@\s]{1,500}@", "***@"),
        (rf"(?i)([?&;]{_QUERY_NAMES}=)(?!…)[^&\s]+", r"\1***"),
        (r"(?i)\b((?:proxy-)?authorization\b['\"]?\s*[:=]\s*)[^\r\n]+", r"\1***"),
        (r"(?i)\b((?:set-)?cookie\s*:\s*)[^\r\n]+", r"\1***"),
        (r"(?i)\b((?:Bearer|Basic)\s+)[\w.~+/=-]{8,}", r"\1***"),
        # Text in quotes, with whatever is escaped in it.
        (
            (
                rf"(?i)\b({_NAMES}['\"]?\s*[:=]\s*[bru]?)"
                r"(?:\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.|'')+')"
            ),
            r"\1***",
        ),
        (rf"(?i)\b({_NAMES}\s*=\s*)(?![*…])[^\s&;,'\"]\S*", r"\1***"),
        # After a colon, only what no English word looks like.
        (
            (
                r"(?i)\b([\w-]{0,40}(?:password|passwd|passphrase|secret)\s*:\s+)"
                r"(?![*…])(?=\S*[\d\W])[^\s,;'\"]+"
            ),
            r"\1***",
        ),
        (
            (
                rf"(?i)(?<![\w/@.-])({_NAMES}\s*:\s*)(?!\d{{1,7}}(?![\w.~+/=-]))"
                r"(?=[\w.~+/=-]{0,200}[\d+/=]|[\w.~+/=-]{16})(?!//)[^\s,;'\"]+"
            ),
            r"\1***",
        ),
        (
            (
                r"\b(?:sk-[\w-]{16,}|(?:AKIA|ASIA)[A-Z0-9]{16}|gh[pousr]_\w{20,}"
                r"|xox[abp]-[\w-]{10,}|hf_\w{20,}|eyJ[\w-]+\.[\w-]+\.[\w-]+)"
            ),
            "***",
        ),
    )
)


def load(**arguments: Any) -> Settings:
    """Settings from the environment and from `arguments` that are not None.

    Raises:
        SettingsError: A setting cannot be used; the message names it, never
            what it held.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(map(_complaint, error.errors()))) from None
    except Unparsable as error:
        # It names the variable, and what it held only in its cause.
        raise SettingsError(str(error)) from None
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def redacted(text: str) -> str:
    """`text` with whatever looks like a secret replaced by asterisks.

    It is the net below `SecretStr`: for what libraries and servers say.
    """
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    return text


def _scheme(name: str, url: str) -> str:
    try:
        return urlsplit(url).scheme
    except ValueError:
        raise ValueError(f"{name} is not a URL") from None


def log_to_stderr() -> None:
    """Have what is logged written to standard error, without any password in it."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # These tell of every request, every connection, every table.
    for name in ("alembic", "celery", "httpx", "kombu"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def _complaint(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"there is no setting {name!r}"
    return f"{name}: {message}" if name else message
