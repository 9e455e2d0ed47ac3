"""An S3 of the tests' own: moto's server in its own process, asked over HTTP.

Between it and whoever asks stands a line that counts, remembers and fails on request.
"""

import contextlib
import http.client
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self

import boto3
import httpx
from botocore.config import Config
from support.services import eventually

#: What the tests say who they are; nothing is kept from anybody.
KEY, SECRET = "AKIAOFTHETESTS", "hunter2-of-s3"


class Asked(NamedTuple):
    """One request."""

    method: str
    path: str
    range: str | None
    size: int

    @property
    def part(self) -> bool:
        """Whether it brings a part of an upload."""
        return self.method == "PUT" and "partNumber=" in self.path


class S3:
    """What passes on requests to moto, or refuses them."""

    def __init__(self, upstream: int) -> None:
        self._upstream = upstream
        self._line = _Line(("127.0.0.1", 0), _Handler)
        self._line.s3 = self
        self.url = f"http://127.0.0.1:{self._line.server_port}"
        self.asked: list[Asked] = []
        #: Set while it answers everything with 503.
        self.away = threading.Event()
        #: When uploads are to have begun; moto would give its own time.
        self.began = datetime.now(UTC)
        #: Called with each request, before it is passed on.
        self.met: Callable[[Asked], None] = lambda _: None
        self.client: Any = client(self.url)

    def __enter__(self) -> Self:
        self._thread = threading.Thread(target=self._line.serve_forever, args=(0.01,))
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.client.close()
        self._line.shutdown()
        self._line.server_close()
        self._thread.join()

    def keys(self, bucket: str) -> list[str]:
        found = self.client.list_objects_v2(Bucket=bucket)
        return [each["Key"] for each in found.get("Contents", ())]

    def uploads(self, bucket: str) -> list[str]:
        """The keys of the uploads that have begun and not ended, also while it is away."""
        direct = client(f"http://127.0.0.1:{self._upstream}")
        found = direct.list_multipart_uploads(Bucket=bucket)
        direct.close()
        return [each["Key"] for each in found.get("Uploads", ())]

    def passed_on(self, handler: BaseHTTPRequestHandler) -> None:
        body = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        self.asked.append(
            Asked(
                handler.command,
                handler.path,
                handler.headers.get("Range"),
                len(body),
            )
        )
        self.met(self.asked[-1])
        if self.away.is_set():
            handler.send_response(503)
            handler.send_header("Content-Length", "0")
            handler.end_headers()
            return
        connection = http.client.HTTPConnection("127.0.0.1", self._upstream)
        with contextlib.closing(connection):
            connection.request(
                handler.command, handler.path, body=body, headers=dict(handler.headers)
            )
            answer = connection.getresponse()
            content = answer.read()
        moment = self.began.isoformat(timespec="milliseconds").replace("+00:00", "Z")
        content = content.replace(_BEGAN, moment.encode())
        handler.send_response(answer.status)
        for name, value in answer.getheaders():
            if name.lower() not in ("connection", "transfer-encoding"):
                handler.send_header(name, value)
        if answer.getheader("Content-Length") is None:
            handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)


#: What moto says of every upload.
_BEGAN = b"2010-11-10T20:48:33.000Z"


class _Line(ThreadingHTTPServer):
    daemon_threads = True
    s3: S3


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: _Line

    def pass_on(self) -> None:
        # Whoever asked may be gone: that is what some tests are about.
        with contextlib.suppress(ConnectionError):
            self.server.s3.passed_on(self)

    do_GET = pass_on  # noqa: N815 - what the library calls
    do_PUT = do_POST = do_HEAD = do_DELETE = pass_on  # noqa: N815

    def log_message(self, *_: object) -> None:
        pass


def client(url: str, key: str = KEY, secret: str = SECRET, service: str = "s3") -> Any:
    """A client beside the one under test."""
    return boto3.client(
        service,
        endpoint_url=url,
        region_name="us-east-1",
        aws_access_key_id=key,
        aws_secret_access_key=secret,
        config=Config(retries={"total_max_attempts": 1}),
    )


@contextlib.contextmanager
def moto() -> Iterator[int]:
    """moto's server, on a port of its own choice."""
    process = subprocess.Popen(
        [sys.executable, "-c", _SERVER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    )
    with process:
        try:
            port = int(process.stdout.readline())
            eventually(lambda: httpx.get(f"http://127.0.0.1:{port}/moto-api/"))
            yield port
        finally:
            process.kill()


#: It ends with whoever started it, whose end of the pipe then closes.
_SERVER = """
import os, sys, threading
from moto.moto_server.threaded_moto_server import ThreadedMotoServer

server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print(server.get_host_and_port()[1], flush=True)
sys.stdin.read()
os._exit(0)
"""
