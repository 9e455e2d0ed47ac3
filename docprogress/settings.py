"""The settings, set by arguments or `DOCPROGRESS_*` environment variables."""

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
    """Parse options that an environment variable holds as JSON."""
    if not isinstance(value, str):
        return value
    try:
        return json.loads(value)
    except ValueError:
        raise ValueError("it is not valid JSON") from None


if TYPE_CHECKING:
    Secret = str | None
    SecretOptions = dict[str, Any]
    SecretList = list[str]
else:
    #: A setting that may contain a password. The model keeps it hidden, even in dumps;
    #: only reading the attribute reveals it.
    Secret = Annotated[SecretStr | None, Field(repr=False)]
    #: Several such values, by name.
    SecretOptions = Annotated[
        Hidden[dict[str, Any]], NoDecode, BeforeValidator(_parsed), Field(repr=False)
    ]
    #: A list of such values.
    SecretList = Annotated[
        Hidden[list[str]], NoDecode, BeforeValidator(_parsed), Field(repr=False)
    ]


class Hiding(BaseSettings):
    """A model whose secrets are hidden, except when an attribute is read."""

    if not TYPE_CHECKING:

        def __getattribute__(self, name: str) -> Any:
            value = super().__getattribute__(name)
            hidden = isinstance(value, (SecretStr, Hidden))
            return value.get_secret_value() if hidden else value

    def model_copy(
        self, *, update: Mapping[str, Any] | None = None, deep: bool = False
    ) -> Self:
        """A copy with other values, whose secrets are hidden, too."""
        given = {
            name: _hidden(type(self), name, value)
            for name, value in (update or {}).items()
        }
        return super().model_copy(update=given, deep=deep)


def _hidden(model: type[BaseSettings], name: str, value: Any) -> Any:
    """Hide the secrets of a value, since copying a model does not validate it."""
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

    An argument overrides the environment variable `DOCPROGRESS_` + its name.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOCPROGRESS_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    #: The home folder: local services, their data and logs.
    home: Path = Field(
        default_factory=lambda: Path(platformdirs.user_data_dir("docprogress"))
    )
    #: `redis://`, `rediss://`, `redis+sentinel://`, `rediss+sentinel://` or `unix://`;
    #: `valkey` means the same as `redis`. None: local services are used.
    redis_url: Secret = None
    #: Celery's broker, if it is not the Redis above: another Redis, or RabbitMQ
    #: (`amqp://`, `amqps://`).
    broker_url: Secret = None
    #: A SQLAlchemy URL. None: SQLite in the home folder.
    database_url: Secret = None
    #: Where the bytes of documents are kept: any URL that fsspec supports. None: the
    #: home folder.
    storage_url: Secret = None
    #: Options for the library of that storage, in JSON: an endpoint, a key, …. S3's
    #: library also reads the `AWS_*` environment variables.
    storage_options: SecretOptions = Field(default_factory=dict, repr=False)

    #: Worker processes on this machine. None: one per core.
    workers: int | None = Field(default=None, ge=1, le=1024)
    #: The embedding model: `hashing`; `wordllama` or `universal-sentence-encoder`
    #: (`docprogress[semantic]`); `sentence-transformers:MODEL` or `openai:MODEL`.
    embedder: str = "hashing"
    #: The URL of the OpenAI-compatible endpoint, without `/embeddings`.
    embedding_url: Secret = "https://api.openai.com/v1"
    #: The API key of this endpoint.
    embedding_api_key: Secret = None
    #: Chunks per embedding request.
    embedding_batch: int = Field(default=64, ge=1, le=10_000)
    #: The maximum number of tokens per request, by a cautious estimate. It is reduced
    #: when the endpoint rejects a request as too large.
    embedding_batch_tokens: int = Field(default=30_000, ge=64)
    #: The context window of the model, in tokens. A longer chunk is embedded in parts,
    #: and its vector is their mean. None: reported by sentence-transformers, or
    #: detected when an endpoint rejects a text.
    embedding_tokens: int | None = Field(default=None, ge=16)
    #: Passwords to try on encrypted PDFs, Office documents and archives, in JSON. They
    #: are never stored or shown. Workers also try those in their own environment.
    passwords: SecretList = Field(default_factory=list, repr=False)
    #: The library that reads PDFs; `auto` tries PDFium, then pypdf.
    pdf_engine: Literal["auto", "pdfium", "pypdf"] = "auto"
    #: Encodings to prefer for texts that are not UTF-8, such as `["cp1251"]`. Without
    #: any, those of the locale's language are preferred.
    encodings: list[str] = Field(default_factory=list)
    #: Whether to read comments in text documents, spreadsheets and presentations.
    include_comments: bool = False
    #: Whether to read hidden slides, sheets, rows and columns.
    include_hidden: bool = False
    #: When to recognise text in images: `auto` recognises pages without usable text, if
    #: an engine is installed; `always` every page of a PDF; `never` none.
    ocr: Literal["auto", "always", "never"] = "auto"
    #: The OCR engine: `rapidocr` (`docprogress[ocr]`), or the `tesseract` on the
    #: worker's PATH.
    ocr_engine: Literal["rapidocr", "tesseract"] = "rapidocr"
    #: Languages for Tesseract, by the names of its data files: `eng`, `deu`. RapidOCR
    #: ignores them.
    ocr_languages: list[str] = Field(default_factory=list)
    #: The resolution at which PDF pages are rendered for OCR, in dots per inch.
    ocr_dpi: int = Field(default=200, ge=50, le=1200)
    #: What to read of a web page: `all` that it shows, or its `main` content without
    #: navigation, sidebars and footers (needs `docprogress[html]`).
    html_content: Literal["all", "main"] = "all"
    #: Whether to find headings, lists and tables for Markdown: `auto`, or `off` to skip
    #: formats for which it takes time, such as PDF.
    structure: Literal["auto", "off"] = "auto"
    #: A vector store to also store documents in: `lancedb:///FOLDER?table=NAME`,
    #: `pgvector://USER:PASSWORD@HOST/DATABASE?table=SCHEMA.NAME`,
    #: `qdrant+http://HOST:6333/COLLECTION`, or `module:Class` for your own sink.
    sink: Secret = None
    #: The maximum number of characters in a chunk.
    chunk_characters: int = Field(default=1200, ge=50, le=1_000_000)
    #: The unit of chunk sizes: `characters`, or `tokens` of the embedder.
    chunk_unit: Literal["characters", "tokens"] = "characters"
    #: The maximum number of tokens in a chunk, if `chunk_unit` is `tokens`; never more
    #: than the embedder's window.
    chunk_tokens: int = Field(default=256, ge=16, le=1_000_000)
    #: The number of characters or tokens that neighbouring chunks share. None: 100
    #: characters, or a twelfth of `chunk_tokens`.
    chunk_overlap: int | None = Field(default=None, ge=0)
    #: The import path of a function that splits pages into chunks: `my_steps:sections`.
    #: None: the built-in step, to which the chunk settings above apply.
    chunker: str | None = None

    #: The maximum size of a document, in bytes.
    max_bytes: int = Field(default=512 * MIB, ge=1)
    #: The maximum number of pages of a document.
    max_pages: int = Field(default=5_000, ge=1)
    #: The maximum number of members of a submitted archive or message, including those
    #: of nested ones.
    max_members: int = Field(default=10_000, ge=0)
    #: How deeply archives and messages may be nested.
    max_depth: int = Field(default=5, ge=0)
    #: The maximum total size of the members of a submitted archive or message, in
    #: bytes.
    max_unpacked_bytes: int = Field(default=4096 * MIB, ge=0)
    #: The maximum number of characters of a document's text.
    max_characters: int = Field(default=50_000_000, ge=1)
    #: The maximum seconds of a step without progress, that is without yielding a page
    #: or chunk and without finishing one of its inputs.
    step_seconds: float = Field(default=600.0, gt=0)
    #: The maximum seconds of a step in total. None: no limit.
    total_seconds: float | None = Field(default=None, gt=0)
    #: The maximum seconds of a download.
    download_seconds: float = Field(default=120.0, gt=0)
    #: The maximum memory of a worker process, in bytes.
    worker_memory: int = Field(default=2048 * MIB, ge=64 * MIB)
    #: The maximum number of attempts per document.
    max_attempts: int = Field(default=3, ge=1, le=100)
    #: Seconds before the second attempt; doubled for each further one, up to an hour.
    retry_seconds: float = Field(default=1.0, ge=0, le=3600)

    #: The maximum seconds that a document waits for a service that is unavailable or
    #: limits its rate, such as the embedding endpoint. Waiting does not use up an
    #: attempt.
    wait_seconds: float = Field(default=3600.0, ge=0)

    #: The maximum number of progress events per second and document; 0 publishes none.
    events_per_second: float = Field(default=20.0, ge=0)
    #: Seconds for which Redis keeps a document's events after the last one.
    remember_seconds: float = Field(default=7 * 24 * 3600.0, gt=0)
    #: Seconds after which a worker's lease on a document expires unless it is renewed.
    lease_seconds: float = Field(default=15.0, ge=1)
    #: Seconds without work or viewers after which local services stop.
    idle_seconds: float = Field(default=600.0, gt=0)

    @field_validator("encodings")
    @classmethod
    def _known(cls, names: list[str]) -> list[str]:
        for name in names:
            try:
                b"aaaa".decode(name, "replace")
            except (LookupError, ValueError):
                raise ValueError(f"unknown encoding {name!r}") from None
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
        """Where the bytes of documents are kept: the home folder unless one is set."""
        return self.storage_url or (self.home / "files").as_uri()

    @property
    def processes(self) -> int:
        """The worker processes of this machine: one per usable core by default."""
        if self.workers is not None:
            return self.workers
        if hasattr(os, "sched_getaffinity"):
            return len(os.sched_getaffinity(0))
        return os.cpu_count() or 1

    @property
    def local(self) -> bool:
        """Whether local services are used, because no Redis is set."""
        return self.redis_url is None


#: The settings that belong to a run rather than to a machine, and are stored with it.
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

# Names of secrets in a query, a header, a setting or a line of a log.
_NAMES = (
    r"[\w.-]{0,40}(?:password|passwd|passphrase|pwd|secret|credentials?|signature|token"
    r"|(?:api|access|account|shared|private|encryption)[ _-]?key(?:[_-]?id)?)"
)
# In a query, short values, too.
_QUERY_NAMES = rf"(?:{_NAMES}|[\w.-]{{0,40}}key|sig|auth|code|pass)"

#: Patterns of secrets, each with its replacement.
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
        # Text in quotes, including escaped characters.
        (
            (
                rf"(?i)\b({_NAMES}['\"]?\s*[:=]\s*[bru]?)"
                r"(?:\"(?:[^\"\\]|\\.)+\"|'(?:[^'\\]|\\.|'')+')"
            ),
            r"\1***",
        ),
        (rf"(?i)\b({_NAMES}\s*=\s*)(?![*…])[^\s&;,'\"]\S*", r"\1***"),
        # After a colon, only values that do not look like English words.
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
        SettingsError: A setting cannot be used. The message names it, never its value.
    """
    given = {name: value for name, value in arguments.items() if value is not None}
    try:
        settings = Settings(**given)
    except ValidationError as error:
        raise SettingsError("; ".join(map(_complaint, error.errors()))) from None
    except Unparsable as error:
        # The message names the variable; only the cause contains its value.
        raise SettingsError(str(error)) from None
    return settings.model_copy(update={"home": settings.home.expanduser().absolute()})


def redacted(text: str) -> str:
    """`text` with everything that looks like a secret replaced by asterisks.

    It complements `SecretStr`, for messages of libraries and servers.
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
    """Write logs to standard error, with passwords removed."""
    handler = logging.StreamHandler()
    handler.setFormatter(_Redacting("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    # These log every request, connection and table.
    for name in ("alembic", "celery", "httpx", "kombu"):
        logging.getLogger(name).setLevel(logging.WARNING)


class _Redacting(logging.Formatter):
    def format(self, record: logging.LogRecord) -> str:
        return redacted(super().format(record))


def _complaint(error: Any) -> str:
    name = ".".join(str(part) for part in error["loc"])
    message = str(error["msg"]).removeprefix("Value error, ")
    if error["type"] == "extra_forbidden":
        return f"unknown setting {name!r}"
    return f"{name}: {message}" if name else message
