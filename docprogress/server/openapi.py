"""The OpenAPI descriptions of errors, streams and uploads."""

from typing import Any

from docprogress.events import LONGEST_ID
from docprogress.server.schemas import Problem

BODY_REFUSALS: dict[int | str, dict[str, Any]] = {
    400: {"model": Problem, "description": "The body is incomplete, or not text"},
    411: {"model": Problem, "description": "`Content-Length` is missing"},
    413: {"model": Problem, "description": "The body is too large"},
}
REFUSALS: dict[int | str, dict[str, Any]] = {
    401: {"model": Problem, "description": "No valid token or ticket"},
    403: {"model": Problem, "description": "The ticket does not cover this"},
    414: {"description": "The URL is too long"},
    422: {"model": Problem, "description": "The request is invalid"},
    429: {"model": Problem, "description": "Too many requests, or streams"},
    503: {
        "model": Problem,
        "description": "A service is unreachable; see `Retry-After`",
    },
}
UNKNOWN: dict[int | str, dict[str, Any]] = {
    404: {"model": Problem, "description": "No document has this id"},
}
STREAM: dict[int | str, dict[str, Any]] = REFUSALS | {
    200: {
        "description": (
            "Server-Sent Events. The first one says `connected`, the current state "
            "follows, then updates. A worker's heartbeats are events of the type "
            "`heartbeat`; a document without them gets an event of the type `stalled`. "
            "A stream of several documents ends with an event of the type `end`."
        ),
        "content": {
            "text/event-stream": {
                "example": ': connected\nretry: 2417\ndata: {"status": "connected"}\n\n'
                'id: 1-17\ndata: {"document_id": "…", "status": "processing", …}\n\n'
            }
        },
    },
    404: {"description": "The id is invalid"},
    204: {"description": "Everything was delivered: do not reconnect"},
}

LAST_EVENT_ID: dict[str, Any] = {
    "parameters": [
        {
            "name": "Last-Event-ID",
            "in": "header",
            "required": False,
            "description": "The `id` of the last event received.",
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
    400: {"model": Problem, "description": "The client disconnected"},
    408: {"model": Problem, "description": "The upload stalled"},
    413: {"model": Problem, "description": "The file is larger than `max_bytes`"},
    415: {"model": Problem, "description": "The file type is not supported"},
}
