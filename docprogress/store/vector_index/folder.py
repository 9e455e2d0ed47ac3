"""The folder of the index beside a SQLite database, and its published state.

The state is one small file that is replaced as a whole. It has a checksum, and says
how much of the other files counts. Whatever cannot be read is made again.
"""

import contextlib
import fcntl
import os
import secrets
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import msgspec

from docprogress.store.vector_index.space import Space

#: The version of the files. Those of another one are made again.
VERSION = 1


class SpaceState(msgspec.Struct, frozen=True):
    """What is published of one embedder's vectors."""

    embedder: str | None
    dimensions: int
    rows: int
    parts: int


class State(msgspec.Struct, frozen=True):
    """What is published of the index."""

    version: int
    #: The folder of the files; a new one each time that they are made again.
    generation: str
    #: The number of the last row of `vector_part` that was looked at.
    last: int
    #: Its token.
    token: int = 0
    spaces: tuple[SpaceState, ...] = ()
    #: The kinds of chunks, by code; code 0 is `text`.
    kinds: tuple[str, ...] = ("text",)

    def position_of(self, embedder: str | None, dimensions: int) -> int | None:
        """The position of a space."""
        for position, space in enumerate(self.spaces):
            if (space.embedder, space.dimensions) == (embedder, dimensions):
                return position
        return None

    @property
    def parts(self) -> int:
        """How many rows of `vector_part` the index contains."""
        return sum(space.parts for space in self.spaces)


@dataclass(frozen=True)
class Folder:
    """The folder of an index. It may be deleted at any time."""

    path: Path
    _name: str = field(default="state", repr=False)

    def read(self) -> State | None:
        """The published state; None if there is none that can be used."""
        try:
            checksum, _, content = (
                (self.path / self._name).read_bytes().partition(b"\n")
            )
            if checksum != _checksum(content):
                return None
            state = msgspec.json.decode(content, type=State)
        except (OSError, msgspec.DecodeError):
            return None
        return state if state.version == VERSION else None

    def publish(self, state: State) -> None:
        """Replace the state; what it counts has been written.

        Raises:
            OSError: The disk is full, or cannot be written.
        """
        content = msgspec.json.encode(state)
        new = self.path / f"{self._name}.new"
        with new.open("wb") as file:
            file.write(_checksum(content) + b"\n" + content)
            file.flush()
            os.fsync(file.fileno())
        new.replace(self.path / self._name)

    def begin(self) -> State:
        """Publish an empty state with files of its own, and delete earlier ones.

        Raises:
            OSError: The disk is full, or cannot be written.
        """
        state = State(version=VERSION, generation=secrets.token_hex(8), last=0)
        self.generation(state).mkdir()
        self.publish(state)
        for other in self.path.iterdir():
            if other.is_dir() and other.name != state.generation:
                shutil.rmtree(other, ignore_errors=True)
        return state

    def discard(self, state: State) -> None:
        """Have an index that is damaged made again, unless another process has."""
        with contextlib.suppress(OSError), self.locked() as mine:
            if mine and self.read() == state:
                (self.path / self._name).unlink()

    def generation(self, state: State) -> Path:
        """The folder of a state's files."""
        return self.path / state.generation

    def space(self, state: State, position: int) -> Path:
        """The folder of a space's files."""
        return self.generation(state) / str(position)

    def open(self, state: State, position: int) -> Space:
        """Map the files of a space.

        Raises:
            DamagedError: They are missing, or too short.
        """
        published = state.spaces[position]
        return Space(
            self.space(state, position),
            published.dimensions,
            rows=published.rows,
            parts=published.parts,
        )

    @contextlib.contextmanager
    def locked(self) -> Iterator[bool]:
        """Hold the right to write, or not if another process has it.

        The system takes it back from a process that dies.

        Raises:
            OSError: The folder cannot be written.
        """
        self.path.mkdir(mode=0o700, exist_ok=True)
        with (self.path / "lock").open("ab") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
            else:
                yield True


def _checksum(content: bytes) -> bytes:
    return b"%08x" % zlib.crc32(content)
