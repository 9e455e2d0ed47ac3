"""The server's options, in addition to the pipeline's settings."""

import re
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from docprogress.errors import SettingsError
from docprogress.settings import Hiding, Secret


class ServerOptions(Hiding):
    """Every option of the server, with its default.

    An argument overrides the environment variable `DOCPROGRESS_SERVER_` + its name.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOCPROGRESS_SERVER_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    #: The token that every request must send. If it is not given, one is generated and
    #: kept in the file `server-token` of the home folder. `token=None` disables the
    #: check, for an application that authenticates its users itself.
    token: Secret = None
    #: Origins whose pages may use this server, such as `https://app.example.org`.
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    #: The host names that requests may use; empty allows any. Without a token, this
    #: protects against DNS rebinding.
    hosts: tuple[str, ...] = ()
    #: The maximum validity of a ticket, in seconds.
    ticket_seconds: float = Field(default=3600.0, gt=0)

    #: The maximum number of open streams.
    streams: int = Field(default=10_000, ge=1)
    #: The maximum number of open streams per client address.
    streams_each: int = Field(default=2_000, ge=1)
    #: The maximum number of documents, runs and cases that one stream may name.
    subjects: int = Field(default=1_000, ge=1)
    #: Requests per second and client address, on average.
    requests_per_second: float = Field(default=200.0, gt=0)
    #: Requests of a client address in a burst.
    requests_burst: float = Field(default=4_000.0, ge=1)
    #: The maximum number of simultaneous uploads.
    uploads: int = Field(default=32, ge=1)
    #: How long an upload may pause, in seconds.
    upload_pause_seconds: float = Field(default=20.0, gt=0)
    #: The minimum speed of an upload, in bytes per second.
    upload_least_speed: float = Field(default=1024.0, ge=0)
    #: Seconds without an event after which a stream sends a comment: less than the
    #: timeout of a proxy in between.
    keep_alive_seconds: float = Field(default=15.0, gt=0)
    #: Seconds after which a client that reads nothing is disconnected.
    stuck_seconds: float = Field(default=10.0, gt=0)
    #: Seconds between two comparisons of streams with the store.
    truth_seconds: float = Field(default=5.0, gt=0)
    #: The maximum `wait` of `/status`, in seconds.
    wait_seconds: float = Field(default=60.0, gt=0)

    @property
    def open(self) -> bool:
        """Whether no token is required, explicitly."""
        return self.token is None and "token" in self.model_fields_set

    @field_validator("token")
    @classmethod
    def _not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError(
                "the token must not be empty; use None to disable the check"
            )
        return value

    @field_validator("cors_origins", mode="before")
    @classmethod
    def _listed(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(filter(None, (each.strip() for each in value.split(","))))
        return value

    @field_validator("cors_origins")
    @classmethod
    def _named(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for origin in value:
            if not _ORIGIN.fullmatch(origin):
                raise ValueError(
                    "an origin is `https://` or `http://`, a host and optionally a "
                    "port, with nothing after it; `*` is not supported"
                )
        return value


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+")


def configured(**arguments: Any) -> ServerOptions:
    """Options from the environment and from `arguments`.

    Raises:
        SettingsError: An option is invalid. The message names it, never its value.
    """
    try:
        return ServerOptions(**arguments)
    except ValidationError as error:
        raise SettingsError(
            "; ".join(
                f"{'.'.join(map(str, each['loc']))}: "
                f"{each['msg'].removeprefix('Value error, ')}"
                for each in error.errors()
            )
        ) from None
