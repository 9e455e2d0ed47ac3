"""A Qdrant server for tests: its REST interface over the client's own local mode.

No package brings the real one. What is stored, filtered and deleted is done by the
official client's implementation; requests come from its remote one.

    python -m support.qdrant PORT FOLDER [KEY]
"""

import json
import re
import sys
import threading
import warnings
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from qdrant_client import QdrantClient, models


class Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, port: int, folder: Path, key: str | None) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        warnings.simplefilter("ignore")
        self.folder = folder
        self.key = key
        self.lock = threading.Lock()
        self.client = QdrantClient(
            path=str(folder / "data"), force_disable_check_same_thread=True
        )


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Server

    def do_GET(self) -> None:
        self._respond()

    def do_PUT(self) -> None:
        self._respond()

    def do_POST(self) -> None:
        self._respond()

    def log_message(self, *_: object) -> None:
        pass

    def _respond(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"null")
        path = self.path.partition("?")[0].strip("/")
        _, collection, *rest = path.split("/")
        call = f"{self.command} {'/'.join(rest)}".strip()
        status, content = 200, None
        if self.server.key and self.headers.get("api-key") != self.server.key:
            status, content = 401, "Must provide an API key"
        else:
            try:
                with self.server.lock:
                    content = self._answer(call, collection, body)
            except ValueError as error:
                missing = re.search("not found", str(error))
                exists = re.search("already exists", str(error))
                status = 404 if missing else 409 if exists else 400
                content = str(error)
        shown = {"status": "ok", "time": 0.0, "result": content}
        if status != 200:
            shown = {"status": {"error": content}, "time": 0.0}
        data = json.dumps(shown).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def _answer(self, call: str, collection: str, body: dict) -> object:  # noqa: C901, PLR0911
        client = self.server.client
        done = {"operation_id": 0, "status": "completed"}
        if call == "GET exists":
            return {"exists": client.collection_exists(collection)}
        if call == "GET":
            found = client.get_collection(collection)
            return json.loads(found.model_dump_json(exclude_none=True))
        if call == "PUT":
            wanted = models.CreateCollection.model_validate(body)
            client.create_collection(collection, vectors_config=wanted.vectors)
            return True
        if call == "PUT index":
            return done
        if call == "PUT points":
            points = [models.PointStruct.model_validate(p) for p in body["points"]]
            client.upsert(collection, points)
            return done
        if call == "POST points/delete":
            chosen = models.FilterSelector.model_validate(body)
            client.delete(collection, chosen)
            return done
        if call == "POST points/batch":
            for operation in body["operations"]:
                if "upsert" in operation:
                    self._answer("PUT points", collection, operation["upsert"])
                else:
                    deletion = operation["delete"]
                    self._answer("POST points/delete", collection, deletion)
            return [done] * len(body["operations"])
        if call == "POST points/scroll":
            points, _ = client.scroll(collection, limit=body["limit"])
            return {"points": [json.loads(p.model_dump_json()) for p in points]}
        if call == "POST points/count":
            return {"count": client.count(collection).count}
        raise ValueError(f"no such call: {call}")


def main() -> None:
    port, folder, *key = sys.argv[1:]
    Server(int(port), Path(folder), key[0] if key else None).serve_forever()


if __name__ == "__main__":
    main()
