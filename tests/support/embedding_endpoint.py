"""An embedding endpoint in a thread, whose answers a test chooses."""

import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from docprogress.steps.embedders.openai import EndpointEmbedder

KEY = "sk-very-secret-key"


class Endpoint(ThreadingHTTPServer):
    """An endpoint with configurable answers that keeps its requests."""

    daemon_threads = True

    def __init__(self, answers, port=0):
        self.answers = list(answers)
        self.asked = []
        super().__init__(("127.0.0.1", port), _Handler)

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_port}/v1"


def good(body):
    """Vectors in reverse order, each with its place, as the protocol allows."""
    data = [
        {"index": place, "embedding": [3.0, float(len(text)), 0.0]}
        for place, text in enumerate(body["input"])
    ]
    return 200, {}, {"data": data[::-1]}


@contextmanager
def endpoint(*answers, key=KEY, batch=64, port=0, **options):
    server = Endpoint(answers, port)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    server.pauses = []
    made = EndpointEmbedder(
        "some-model",
        url=server.url,
        key=key,
        batch=batch,
        pause=server.pauses.append,
        **options,
    )
    try:
        yield made, server
    finally:
        made._client.close()
        server.shutdown()
        server.server_close()
        thread.join()


def meaning(body):
    """A vector that counts, so that of a text cut off it would be another one."""
    data = [
        {"index": n, "embedding": [text.count("a") + 0.5, text.count("合") + 0.25]}
        for n, text in enumerate(body["input"])
    ]
    return 200, {}, {"data": data}


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.asked.append((self.path, dict(self.headers), body))
        answers = self.server.answers
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        status, headers, content = answer(body) if callable(answer) else answer
        if status is None:  # hang up
            self.close_connection = True
            return
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *_):
        pass
