"""Hosts of the tests' own on one machine, and the links between them.

A host is a network namespace with a file system view of its own.  A link is a pair of
TUN devices with a thread between them that passes packets on, late, or not at all.
"""

import contextlib
import fcntl
import heapq
import os
import random
import secrets
import select
import shutil
import struct
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from support.services import lacking

_TUNSETIFF = 0x400454CA
_IFF_TUN_NO_PI = 0x0001 | 0x1000

#: The longest packet, in bytes.
_PACKET = 65_536


class Host:
    """One host, of which others see nothing but what its links carry.

    Args:
        hidden: Folders that other hosts have on disk, and this one has not.
    """

    def __init__(self, name: str, *, hidden: Sequence[Path] = ()) -> None:
        #: What it calls itself.
        self.label = name
        self.name = f"dp-{secrets.token_hex(3)}-{name}"
        self._hidden = hidden
        ip("netns", "add", self.name)
        self._ip("link", "set", "lo", "up")

    def command(self, *command: str | Path) -> list[str]:
        """What runs a command on this host."""
        own = [f"echo {self.label} > /proc/sys/kernel/hostname"]
        own += [f"mount -t tmpfs none '{folder}'" for folder in self._hidden]
        script = " && ".join([*own, 'exec "$@"'])
        inside = ["unshare", "--mount", "--uts", "sh", "-c", script, "sh"]
        return ["ip", "netns", "exec", self.name, *inside, *map(str, command)]

    def attach(self, device: str, address: str, peer: str) -> None:
        """Give this host one end of a link."""
        ip("link", "set", device, "netns", self.name)
        self._ip("addr", "add", address, "peer", peer, "dev", device)
        self._ip("link", "set", device, "up")

    def remove(self) -> None:
        ip("netns", "del", self.name)

    def _ip(self, *arguments: str) -> None:
        ip("-n", self.name, *arguments)


class Link:
    """What joins two hosts; as bad as is asked for.

    Attributes:
        up: Whether anything comes through.
        seconds: How long a packet is on its way.
        loss: The share of packets that is lost.
        passed: How many packets came through.
    """

    def __init__(self, one: Host, other: Host, network: int) -> None:
        self.up = True
        self.seconds = 0.0
        self.loss = 0.0
        self.passed = 0
        #: The addresses of the two hosts on this link.
        self.addresses = f"10.77.{network}.1", f"10.77.{network}.2"
        self._ends = [_tun(), _tun()]
        (_, here), (_, there) = self._ends
        one.attach(here, *self.addresses)
        other.attach(there, *reversed(self.addresses))
        self._closing = threading.Event()
        self._chance = random.Random(5)
        self._thread = threading.Thread(target=self._pass_on, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closing.set()
        self._thread.join()
        for file, _ in self._ends:
            os.close(file)

    def _pass_on(self) -> None:
        files = [file for file, _ in self._ends]
        opposite = dict(zip(files, reversed(files), strict=True))
        under_way: list[tuple[float, int, int, bytes]] = []
        count = 0
        while not self._closing.is_set():
            due = under_way[0][0] - time.monotonic() if under_way else 0.1
            readable, _, _ = select.select(files, [], [], min(max(due, 0), 0.1))
            for file in readable:
                packet = os.read(file, _PACKET)
                if self.up and self._chance.random() >= self.loss:
                    count += 1
                    arrival = time.monotonic() + self.seconds
                    heapq.heappush(under_way, (arrival, count, opposite[file], packet))
            while under_way and under_way[0][0] <= time.monotonic():
                *_, file, packet = heapq.heappop(under_way)
                if self.up:
                    # Where the device is full, the packet is lost, as on any line.
                    with contextlib.suppress(OSError):
                        os.write(file, packet)
                        self.passed += 1


@contextlib.contextmanager
def three_hosts(hidden: Path) -> Iterator[tuple[list[Host], list[Link]]]:
    """A host for services, two others, and the links that join them to it.

    The two others do not see the folder that is hidden.
    """
    if os.geteuid() != 0 or not shutil.which("ip") or not Path("/dev/net/tun").exists():
        lacking("hosts of one's own need root, iproute2 and TUN devices")
    with contextlib.ExitStack() as stack:
        hosts: list[Host] = []
        for name in ("services", "one", "two"):
            host = Host(name, hidden=[hidden] if hosts else [])
            stack.callback(host.remove)
            hosts.append(host)
        services, *others = hosts
        links = [
            stack.enter_context(Link(services, host, network))
            for network, host in enumerate(others, 1)
        ]
        yield hosts, links


def _tun() -> tuple[int, str]:
    """A new TUN device that keeps packets as they are: its file and its name."""
    file = os.open("/dev/net/tun", os.O_RDWR | os.O_CLOEXEC)
    name = f"dp{secrets.token_hex(4)}"
    fcntl.ioctl(file, _TUNSETIFF, struct.pack("16sH", name.encode(), _IFF_TUN_NO_PI))
    os.set_blocking(file, False)
    return file, name


def ip(*arguments: str) -> None:
    found = subprocess.run(
        ["ip", *arguments], capture_output=True, text=True, check=False
    )
    assert not found.returncode, f"ip {' '.join(arguments)}: {found.stderr}"
