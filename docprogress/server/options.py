"""What can be set of the server, beside what the pipeline's settings say."""

import re
from typing import Annotated, Any

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import NoDecode, SettingsConfigDict

from docprogress.errors import SettingsError
from docprogress.settings import Hiding, Secret


class ServerOptions(Hiding):
    """Every option of the server, with its default.

    An argument wins over the environment variable `DOCPROGRESS_SERVER_` + its name.
    """

    model_config = SettingsConfigDict(
        env_prefix="DOCPROGRESS_SERVER_",
        frozen=True,
        extra="forbid",
        hide_input_in_errors=True,
        env_ignore_empty=True,
    )

    #: What every request has to know.  Not given: one that is made up, and kept in the
    #: file `server-token` of the home folder.  None lets everybody in, and has to be
    #: given as `token=None`: for an application that authenticates its users itself.
    token: Secret = None
    #: Origins, such as `https://app.example.org`, whose pages may ask this server.
    cors_origins: Annotated[tuple[str, ...], NoDecode] = ()
    #: The names by which this server may be asked.  Without a token, no page of
    #: another name can pretend to be one of them.  Empty: any.
    hosts: tuple[str, ...] = ()
    #: The longest that a ticket may be good for, in seconds.
    ticket_seconds: float = Field(default=3600.0, gt=0)

    #: Streams in all.
    streams: int = Field(default=10_000, ge=1)
    #: Streams of one address.
    streams_each: int = Field(default=2_000, ge=1)
    #: Documents, runs and cases that one stream may name.
    subjects: int = Field(default=1_000, ge=1)
    #: Requests a second of one address, on average.
    requests_per_second: float = Field(default=200.0, gt=0)
    #: Requests of one address at once.
    requests_burst: float = Field(default=4_000.0, ge=1)
    #: Uploads at the same time, in all.
    uploads: int = Field(default=32, ge=1)
    #: Seconds that an upload may pause.
    upload_pause_seconds: float = Field(default=20.0, gt=0)
    #: The fewest bytes a second that an upload may have.
    upload_least_speed: float = Field(default=1024.0, ge=0)
    #: Seconds after which a stream that has nothing to tell says so: fewer than a
    #: proxy in between waits.
    keep_alive_seconds: float = Field(default=15.0, gt=0)
    #: Seconds after which a client that takes nothing is dropped.
    stuck_seconds: float = Field(default=10.0, gt=0)
    #: Seconds between two comparisons of what was told with what the store knows.
    truth_seconds: float = Field(default=5.0, gt=0)
    #: The longest that `/status` waits, in seconds.
    wait_seconds: float = Field(default=60.0, gt=0)

    @property
    def open(self) -> bool:
        """Whether it was said that everybody is let in."""
        return self.token is None and "token" in self.model_fields_set

    @field_validator("token")
    @classmethod
    def _not_empty(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not value.get_secret_value().strip():
            raise ValueError("an empty token protects nothing; None lets everybody in")
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
                    "an origin is `https://` or `http://` and a host, and perhaps a "
                    "port, with nothing after it; each page is named, there is no `*`"
                )
        return value


_ORIGIN = re.compile(r"https?://[A-Za-z0-9.\[\]:-]+")


def configured(**arguments: Any) -> ServerOptions:
    """Options from the environment and from `arguments`.

    Raises:
        SettingsError: An option cannot be used; the message names it, never what it
            held.
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
