"""What a live view costs its kernel, and how old the data is that it sends.

    python tests/benchmarks/view.py [--events 1000] [--documents 10000] [--seconds 10]

A real kernel shows a run; another process publishes its events at a steady rate.
The page is played by this process: it says that it has painted each message as
soon as it is there, so drawing is not in these figures.
"""

import argparse
import multiprocessing
import queue
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil
import redis
from jupyter_client import KernelManager
from measuring import percentile
from surroundings import server

from docprogress import Pipeline, ProgressEvent, Status
from docprogress.bus.keys import run_channel
from docprogress.events import now

#: Events that are sent to Redis together.
TOGETHER = 20


class Page:
    """A kernel, and what a page does with the messages of its view."""

    def __init__(self) -> None:
        self._manager = KernelManager(kernel_name="python3")
        self._manager.kernel_spec.argv[0] = sys.executable
        self._manager.start_kernel()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.kernel = psutil.Process(self._manager.provisioner.process.pid)
        self.paints = True
        #: When each message came, and what it says.
        self.messages: list[tuple[float, dict[str, Any]]] = []
        self.rows: dict[int, dict[str, Any]] = {}
        #: Milliseconds from publishing to arrival: of all events, and of the newest
        #: of each message.
        self.ages: list[float] = []
        self.newest: list[float] = []
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def execute(self, code: str) -> None:
        reply = self._client.execute(code, reply=True, timeout=300)
        assert reply["content"]["status"] == "ok", reply["content"]

    def close(self) -> None:
        self._ended.set()
        self._thread.join()
        self._client.stop_channels()
        self._manager.shutdown_kernel(now=True)

    def _listen(self) -> None:
        while not self._ended.is_set():
            try:
                message = self._client.get_iopub_msg(timeout=0.2)
            except queue.Empty:
                continue
            data = message["content"].get("data", {})
            if message["msg_type"] == "comm_open":
                snapshot = data.get("state", {}).get("snapshot")
                if snapshot:
                    self._take(snapshot)
            elif message["msg_type"] == "comm_msg" and data.get("method") == "custom":
                self.messages.append((time.time(), data["content"]))
                self._take(data["content"])
                if self.paints:
                    self._paint(message["content"]["comm_id"], data["content"])

    def _take(self, content: dict[str, Any]) -> None:
        at, ages = time.time(), []
        for row in content["rows"]:
            known = self.rows.setdefault(row["index"], {})
            # Each event says when it was published; some rows are sent again.
            news = row.get("message", known.get("message")) != known.get("message")
            if news and row.get("current"):
                ages.append((at - float(row["message"])) * 1000)
            known.update(row)
        self.ages += ages
        self.newest += [min(ages)] if ages else []

    def _paint(self, comm_id: str, content: dict[str, Any]) -> None:
        painted = {key: content[key] for key in ("session", "seq")} | {
            "type": "painted"
        }
        data = {"method": "custom", "content": painted}
        content = {"comm_id": comm_id, "data": data}
        self._client.shell_channel.send(self._client.session.msg("comm_msg", content))


def publish(url: str, run_id: str, ids: list[str], rate: int, seconds: float) -> None:
    """Let the documents go round, each event at its time, then complete them all."""
    client = redis.Redis.from_url(url)
    channel = run_channel(run_id)
    began, sent = time.monotonic(), 0
    total = int(rate * seconds)
    while sent < total:
        pipe = client.pipeline(transaction=False)
        for _ in range(TOGETHER):
            number, page = sent % len(ids), sent // len(ids) + 1
            event = _event(
                ids[number], run_id, page, message=f"{time.time():.6f}", number=sent + 1
            )
            pipe.publish(channel, event.encode())
            sent += 1
        pipe.execute()
        time.sleep(max(0.0, began + sent / rate - time.monotonic()))
    print(f"  published {sent / (time.monotonic() - began):,.0f} events/s")
    pipe = client.pipeline(transaction=False)
    for document_id in ids:
        event = _event(document_id, run_id, 100, message="done", number=2**64 - 1)
        final = event.replace(status=Status.COMPLETED, progress=100, current=None)
        pipe.hset(channel, document_id, final.encode())
        pipe.publish(channel, final.encode())
    pipe.execute()
    client.set("ended", time.time())


def _event(
    document_id: str, run_id: str, page: int, *, message: str, number: int
) -> ProgressEvent:
    return ProgressEvent(
        document_id=document_id,
        run_id=run_id,
        name=f"contract-{document_id[-4:]}.pdf",
        status=Status.PROCESSING,
        step="extraction",
        progress=min(page, 99),
        message=message,
        timestamp=now(),
        attempt=1,
        current=page,
        total=100,
        unit="pages",
        worker="machine:12345",
        id=f"1-{number}",
    )


def measure(events: int, documents: int, seconds: float, *, busy: bool) -> None:
    print(f"{events:,} events/s of {documents:,} documents{', busy' * busy}")
    with server() as url, tempfile.TemporaryDirectory(prefix="dp-") as home:
        settings = {"home": str(Path(home) / "home"), "redis_url": url}
        with Pipeline(**settings) as pipeline:
            run = pipeline.submit([(f"{n}.txt", b"x") for n in range(documents)])
            ids = [row.id for row in run.documents()]
        page = Page()
        try:
            page.execute(
                "from docprogress import Pipeline\n"
                f"run = Pipeline(**{settings!r}).attach({run.id!r})\n"
                "run"
            )
            _measure(page, url, run.id, ids, events, seconds=seconds, busy=busy)
        finally:
            page.close()


def _measure(
    page: Page,
    url: str,
    run_id: str,
    ids: list[str],
    events: int,
    *,
    seconds: float,
    busy: bool,
) -> None:
    while not page.messages:  # until the view is there
        time.sleep(0.01)
    if busy:
        threading.Thread(
            target=page.execute,
            args=(
                f"import time; t = time.time() + {seconds}\nwhile time.time() < t: 0",
            ),
            daemon=True,
        ).start()
    publisher = multiprocessing.get_context("spawn").Process(
        target=publish, args=(url, run_id, ids, events, seconds)
    )
    publisher.start()
    while not any(row.get("current") for row in list(page.rows.values())):
        time.sleep(0.01)
    before, began, first = page.kernel.cpu_times(), time.monotonic(), len(page.messages)
    time.sleep(seconds * 0.8)
    after, passed = page.kernel.cpu_times(), time.monotonic() - began
    sent, ages, newest = page.messages[first:], list(page.ages), list(page.newest)
    publisher.join()
    with redis.Redis.from_url(url) as client:
        ended = float(client.get("ended"))
    deadline = time.monotonic() + 60
    while not page.messages[-1][1]["summary"]["finished"]:
        assert time.monotonic() < deadline, "the end was not sent"
        time.sleep(0.01)
    lag = page.messages[-1][0] - ended
    used = sum(after[:2]) - sum(before[:2])
    print(
        f"  kernel {used / passed:.1%} of a core, {len(sent) / passed:.1f} messages/s"
    )
    for what, values in (("all events", ages), ("newest events", newest)):
        p50, p95 = percentile(values, 0.5), percentile(values, 0.95)
        print(f"  age of {what} on arrival: p50 {p50:.0f} ms, p95 {p95:.0f} ms")
    right = all(row["status"] == "completed" for row in page.rows.values())
    print(f"  end sent {lag * 1000:.0f} ms after it was published, right: {right}")


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--events", type=int, default=1000)
    arguments.add_argument("--documents", type=int, default=10_000)
    arguments.add_argument("--seconds", type=float, default=10)
    arguments.add_argument("--busy", action="store_true", help="a cell computes")
    given = arguments.parse_args()
    measure(given.events, given.documents, given.seconds, busy=given.busy)


if __name__ == "__main__":
    main()
