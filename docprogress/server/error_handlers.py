"""The responses to errors.

They repeat nothing from the request, and show no secret.
"""

import logging
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from fastapi import Request
from fastapi.encoders import jsonable_encoder
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.requests import ClientDisconnect

from docprogress.errors import (
    BusError,
    DocumentNotFound,
    ForbiddenError,
    InvalidForm,
    LimitExceeded,
    RunNotFound,
    ServicesError,
    StoreError,
    TooManyRequests,
    TransientError,
    UnauthorizedError,
    Unreadable,
    UploadTooSlow,
)
from docprogress.server.middleware import printable_path, too_many_requests
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: Validation errors listed in a response.
MAX_ERRORS = 10

#: The `Retry-After` of temporary errors, in seconds.
RETRY_SECONDS = 2


def _problem(
    status: HTTPStatus, error: Exception, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"detail": redacted(str(error))}, status, headers=headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """Describe what is invalid, without repeating its value."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"loc": each["loc"], "msg": each["msg"], "type": each["type"]}
        for each in error.errors()[:MAX_ERRORS]
    ]
    detail = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
    return JSONResponse(
        {"detail": detail, "errors": jsonable_encoder(found)},
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )


async def _respond(request: Request, error: Exception) -> JSONResponse:
    """Translate an error to its status."""
    if isinstance(error, TooManyRequests):
        return too_many_requests(error)
    status = next(found for kind, found in _STATUSES.items() if isinstance(error, kind))
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_SECONDS)
        log.warning(
            "%s %s: %s", request.method, printable_path(request.url.path), error
        )
    return _problem(status, error, headers)


#: The status of each error. The first match counts.
_STATUSES: dict[type[Exception], HTTPStatus] = {
    UnauthorizedError: HTTPStatus.UNAUTHORIZED,
    ForbiddenError: HTTPStatus.FORBIDDEN,
    DocumentNotFound: HTTPStatus.NOT_FOUND,
    RunNotFound: HTTPStatus.NOT_FOUND,
    LimitExceeded: HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
    Unreadable: HTTPStatus.UNSUPPORTED_MEDIA_TYPE,
    InvalidForm: HTTPStatus.UNPROCESSABLE_ENTITY,
    UploadTooSlow: HTTPStatus.REQUEST_TIMEOUT,
    ClientDisconnect: HTTPStatus.BAD_REQUEST,
    # Redis, the database or the disk is unavailable, or the server is busy.
    BusError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    ServicesError: HTTPStatus.SERVICE_UNAVAILABLE,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}
HANDLERS: dict[type[Exception], Callable[[Request, Exception], Any]] = {
    RequestValidationError: _invalid,
    TooManyRequests: _respond,
    **dict.fromkeys(_STATUSES, _respond),
}
