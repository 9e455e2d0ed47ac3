"""What a request is told that cannot be answered as it wants, and what OpenAPI says.

Nothing that stood in a request is repeated, and no secret is shown.
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
from docprogress.events import LONGEST_ID
from docprogress.server.middleware import shown, too_many
from docprogress.server.schemas import Problem
from docprogress.settings import redacted

log = logging.getLogger(__name__)

#: Errors of one request that are told.
MOST_ERRORS = 10

#: Seconds after which somebody who met a fault that may pass may try again.
RETRY_SECONDS = 2

BODY_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is cut short, or no text"},
    411: {"model": Problem, "description": "The body does not say how long it is"},
    413: {"model": Problem, "description": "The body is too long"},
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No token, a wrong one, or an old ticket"},
    403: {"model": Problem, "description": "The ticket does not name what is asked"},
    414: {"description": "The URL is too long"},
    422: {"model": Problem, "description": "The request does not make sense"},
    429: {"model": Problem, "description": "Too many requests, or streams"},
    503: {"model": Problem, "description": "Something is away; see `Retry-After`"},
}
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No document has this id"},
}
STREAM: dict[int | str, dict[str, Any]] = REFUSALS | {
    200: {
        "description": (
            "Server-Sent Events. The first says `connected`, then comes the present, "
            "then the future. Signs of life are events of the type `heartbeat`, a "
            "document without one is told by an event of the type `stalled`; a "
            "stream of several documents ends with one of the type `end`."
        ),
        "content": {
            "text/event-stream": {
                "example": ': connected\nretry: 2417\ndata: {"status": "connected"}\n\n'
                'id: 1-17\ndata: {"document_id": "…", "status": "processing", …}\n\n'
            }
        },
    },
    404: {"description": "No id can be like this"},
    204: {"description": "Everything was told before: do not come again"},
}

LAST_EVENT_ID: dict[str, Any] = {
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "The `id` of the last event that was seen.",
            "schema": {"type": "string", "maxLength": 50},
        }
    ]
}
UPLOAD_BODY: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {
            "multipart/form-data": {
                "schema": {
                    "type": "object",
                    "required": ["file"],
                    "properties": {
                        "file": {"type": "string", "format": "binary"},
                        "case_id": {"type": "string", "maxLength": LONGEST_ID},
                    },
                },
                "example": {"file": "contract.pdf", "case_id": "case-123"},
            }
        },
    }
}
UPLOAD_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The sender has gone"},
    408: {"model": Problem, "description": "The upload does not come on"},
    413: {"model": Problem, "description": "The file is larger than `max_bytes`"},
    415: {"model": Problem, "description": "The file is nothing that can be read"},
}


def _problem(
    status: HTTPStatus, error: Exception, headers: dict[str, str] | None = None
) -> JSONResponse:
    return JSONResponse({"detail": redacted(str(error))}, status, headers=headers)


async def _invalid(_: Request, error: Exception) -> JSONResponse:
    """What is wrong with a request, without repeating what stands in it."""
    assert isinstance(error, RequestValidationError)
    found = [
        {"loc": each["loc"], "msg": each["msg"], "type": each["type"]}
        for each in error.errors()[:MOST_ERRORS]
    ]
    said = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in found)
    return JSONResponse(
        {"detail": said, "errors": jsonable_encoder(found)},
        HTTPStatus.UNPROCESSABLE_ENTITY,
    )


async def _refused(request: Request, error: Exception) -> JSONResponse:
    """What a request is told that cannot be answered as it wants."""
    if isinstance(error, TooManyRequests):
        return too_many(error)
    status = next(found for kind, found in _STATUSES.items() if isinstance(error, kind))
    headers = {}
    if status is HTTPStatus.UNAUTHORIZED:
        headers["www-authenticate"] = "Bearer"
    if status is HTTPStatus.SERVICE_UNAVAILABLE:
        headers["retry-after"] = str(RETRY_SECONDS)
        log.warning("%s %s: %s", request.method, shown(request.url.path), error)
    return _problem(status, error, headers)


#: What each error means in HTTP; the first that fits counts.
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
    # Redis, the database or the disk is away, or the server is busy: it may pass.
    BusError: HTTPStatus.SERVICE_UNAVAILABLE,
    StoreError: HTTPStatus.SERVICE_UNAVAILABLE,
    ServicesError: HTTPStatus.SERVICE_UNAVAILABLE,
    TransientError: HTTPStatus.SERVICE_UNAVAILABLE,
}
HANDLERS: dict[type[Exception], Callable[[Request, Exception], Any]] = {
    RequestValidationError: _invalid,
    TooManyRequests: _refused,
    **dict.fromkeys(_STATUSES, _refused),
}
