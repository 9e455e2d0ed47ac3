"""A real kernel without a page: run cells, record every message, act as the page."""

import sys
import threading
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any, NamedTuple, Self

from jupyter_client import KernelManager
from support.patience import patient
from support.services import eventually

Message = dict[str, Any]

#: Seconds that a cell may take on a busy machine.
CELL_SECONDS = patient(30)


class Cell(NamedTuple):
    """What became of a cell."""

    status: str
    #: What it printed, and the text of what it showed.
    text: str
    #: The name of the error that ended it.
    error: str


class Kernel:
    """A kernel of its own process group, as Jupyter starts it."""

    def __init__(self, folder: Path) -> None:
        self._manager = KernelManager(
            kernel_name="python3", connection_file=str(folder / "kernel.json")
        )
        self._manager.kernel_spec.argv[0] = sys.executable
        self.messages: list[Message] = []
        self._subshell: str | None = None
        self._connect(self._manager.start_kernel)

    def begin(self, code: str) -> str:
        """Have a cell executed, and do not wait for it."""
        return self._client.execute(code)

    def end(self, cell: str) -> Cell:
        """Wait for a cell's end."""
        while True:
            reply = self._client.get_shell_msg(timeout=CELL_SECONDS)
            if reply["parent_header"].get("msg_id") == cell:
                break
        eventually(lambda: self._idle(cell), what="the kernel is idle again")
        texts = []
        for message in self._of(cell):
            content = message["content"]
            if message["msg_type"] == "stream":
                texts.append(content["text"])
            elif message["msg_type"] in ("execute_result", "display_data"):
                texts.append(content["data"].get("text/plain", ""))
        content = reply["content"]
        return Cell(content["status"], "".join(texts), content.get("ename", ""))

    def run(self, code: str) -> str:
        """Execute a cell that has no error, and give its text."""
        cell = self.end(self.begin(code))
        assert cell.status == "ok", f"{cell.error} in {code!r}"
        return cell.text

    def interrupt(self) -> None:
        self._manager.interrupt_kernel()

    def restart(self) -> None:
        self._disconnect()
        self._subshell = None
        self._connect(lambda: self._manager.restart_kernel(now=True))

    def close(self) -> None:
        self._disconnect()
        self._manager.shutdown_kernel(now=True)

    def view_messages(self, kind: str = "") -> list[Message]:
        """Custom messages that views have sent to the page, or only those of a kind."""
        return [
            content for _, content in self.view_messages_at() if kind in content["type"]
        ]

    def view_messages_at(self) -> list[tuple[datetime, Message]]:
        """The same, with the kernel's time of each."""
        return [
            (message["header"]["date"], message["content"]["data"]["content"])
            for message in list(self.messages)
            if message["msg_type"] == "comm_msg"
            and message["content"]["data"].get("method") == "custom"
        ]

    def rows(self, model: str | None = None) -> dict[str, Message]:
        """What a page knows of each document by now."""
        rows: dict[int, Message] = {}
        model = model or self.model()
        for message in list(self.messages):
            content = message["content"]
            if content.get("comm_id") != model:
                continue
            data = content.get("data", {})
            content = data.get("content") or data.get("state", {}).get("snapshot") or {}
            for row in content.get("rows", ()):
                rows.setdefault(row["index"], {}).update(row)
        return {row["id"]: row for row in rows.values()}

    def summary(self) -> Message:
        """The newest summary of all documents."""
        summaries = [
            content for content in self.view_messages() if "summary" in content
        ]
        return summaries[-1]["summary"] if summaries else {}

    def model(self) -> str:
        """The id of the newest view's model."""
        opened = [
            message["content"]["comm_id"]
            for message in list(self.messages)
            if message["msg_type"] == "comm_open"
            and "snapshot" in message["content"]["data"].get("state", {})
        ]
        return opened[-1]

    def comms(self) -> set[str]:
        """The comms that are open."""
        comms: set[str] = set()
        for message in list(self.messages):
            if message["msg_type"] == "comm_open":
                comms.add(message["content"]["comm_id"])
            elif message["msg_type"] == "comm_close":
                comms.discard(message["content"]["comm_id"])
        return comms

    def displays(self) -> dict[str, list[dict[str, str]]]:
        """What each output has shown, one thing after the other, by its display id."""
        shown: dict[str, list[dict[str, str]]] = {}
        for message in list(self.messages):
            if message["msg_type"] in ("display_data", "update_display_data"):
                content = message["content"]
                display_id = content.get("transient", {}).get("display_id", "")
                shown.setdefault(display_id, []).append(content["data"])
        return shown

    def last_display(self) -> list[dict[str, str]]:
        """What the newest output has shown."""
        return list(self.displays().values())[-1]

    def send(self, content: Message, *, aside: bool = False) -> None:
        """Send a message as the page of the newest view.

        Args:
            content: The message.
            aside: Whether to send it in a subshell, as JupyterLab does.
        """
        data = {"method": "custom", "content": content}
        message = self._client.session.msg(
            "comm_msg", {"comm_id": self.model(), "data": data}
        )
        if aside:
            message["header"]["subshell_id"] = self._aside()
        self._client.shell_channel.send(message)

    def ask_states(self) -> dict[str, Message]:
        """The state of every widget, as a page that is loaded again asks for it."""
        content = {
            "comm_id": "control-of-a-page",
            "target_name": "jupyter.widget.control",
            "data": {},
        }
        session, shell = self._client.session, self._client.shell_channel
        version = {"version": "1.0.0"}
        shell.send(session.msg("comm_open", content, metadata=version))
        data = {"method": "request_states"}
        asked = session.msg("comm_msg", {"comm_id": content["comm_id"], "data": data})
        shell.send(asked)

        def answer() -> dict[str, Message] | None:
            for message in self._of(asked["header"]["msg_id"]):
                found = message["content"].get("data", {})
                if found.get("method") == "update_states":
                    return {key: s["state"] for key, s in found["states"].items()}
            return None

        return eventually(answer, what="the kernel sends its widgets' states")

    def _aside(self) -> str:
        if self._subshell is None:
            control = self._client.control_channel
            control.send(self._client.session.msg("create_subshell_request", {}))
            reply = control.get_msg(timeout=CELL_SECONDS)
            self._subshell = reply["content"]["subshell_id"]
        return self._subshell

    def _of(self, request: str) -> list[Message]:
        return [
            message
            for message in list(self.messages)
            if message["parent_header"].get("msg_id") == request
        ]

    def _idle(self, cell: str) -> bool:
        return any(
            message["content"].get("execution_state") == "idle"
            for message in self._of(cell)
        )

    def _connect(self, start: Callable[[], None]) -> None:
        start()
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=CELL_SECONDS)
        self._ended = threading.Event()
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()

    def _disconnect(self) -> None:
        self._ended.set()
        self._listener.join()
        self._client.stop_channels()

    def _listen(self) -> None:
        # The client's own way would leave an event loop behind in this thread.
        socket, session = self._client.iopub_channel.socket, self._client.session
        while not self._ended.is_set():
            if socket.poll(100):
                _, message = session.recv(socket)
                self.messages.append(message)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
