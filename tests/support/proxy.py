"""A proxy between a test and its broker that delays, cuts or drops connections."""

import asyncio
import threading
from pathlib import Path
from typing import Self

from support.patience import patient


class Proxy:
    """Passes bytes on from one unix socket to another, as badly as configured.

    A number in the place of a socket's path is a port of 127.0.0.1.
    """

    def __init__(
        self, target: Path | int, path: Path | int, *, delay: float = 0.0
    ) -> None:
        self.url = f"unix://{path}"
        self.delay = delay
        self._target = target
        self._path = path
        self._writers: set[asyncio.StreamWriter] = set()
        self._swallowed: set[asyncio.StreamWriter] = set()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._started = threading.Event()

    def cut(self) -> None:
        """Drop every connection there is."""

        def drop() -> None:
            for writer in list(self._writers):
                writer.transport.abort()

        self._loop.call_soon_threadsafe(drop)

    def swallow(self) -> None:
        """Pass on nothing more on the connections there are, and do not end them."""
        self._loop.call_soon_threadsafe(self._swallowed.update, self._writers)

    def __enter__(self) -> Self:
        self._thread.start()
        assert self._started.wait(patient(10))
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._main.cancel)
        self._thread.join(patient(10))

    def _run(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._main = self._loop.create_task(self._serve())
        try:
            self._loop.run_until_complete(self._main)
        except asyncio.CancelledError:
            pass
        finally:
            self._loop.run_until_complete(self._drained())
            self._loop.close()

    async def _drained(self) -> None:
        rest = asyncio.all_tasks() - {asyncio.current_task()}
        for task in rest:
            task.cancel()
        await asyncio.gather(*rest, return_exceptions=True)

    async def _serve(self) -> None:
        if isinstance(self._path, Path):
            server = await asyncio.start_unix_server(self._accept, self._path)
        else:
            server = await asyncio.start_server(self._accept, "127.0.0.1", self._path)
        self._started.set()
        async with server:
            try:
                await server.serve_forever()
            finally:
                for writer in list(self._writers):
                    writer.transport.abort()

    async def _accept(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        try:
            if isinstance(self._target, Path):
                there = await asyncio.open_unix_connection(self._target)
            else:
                there = await asyncio.open_connection("127.0.0.1", self._target)
        except OSError:
            writer.close()
            return
        pair = {writer, there[1]}
        self._writers |= pair
        try:
            await asyncio.gather(
                self._pass(reader, there[1]), self._pass(there[0], writer)
            )
        except asyncio.CancelledError:
            return  # the proxy stops; streams do not expect a handler to be cancelled
        finally:
            for one in pair:
                one.close()
            self._writers -= pair

    async def _pass(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter
    ) -> None:
        """Hand bytes on, each late by the delay, and none of them waiting longer."""
        queue: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()
        loop = asyncio.get_running_loop()

        async def send() -> None:
            while True:
                due, data = await queue.get()
                await asyncio.sleep(max(0.0, due - loop.time()))
                if writer in self._swallowed:
                    continue
                writer.write(data)
                if not data:
                    writer.close()
                    return
                await writer.drain()

        sender = asyncio.ensure_future(send())
        try:
            while data := await reader.read(65536):
                queue.put_nowait((loop.time() + self.delay, data))
            writer.close()
        except OSError:
            writer.close()
        finally:
            sender.cancel()
