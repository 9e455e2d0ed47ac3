"""What a person sees of many events in JupyterLab, in a real browser.

    python tests/benchmarks/lab.py [--seconds 10] [--only NAME …]

Another process publishes events at a steady rate, each with the moment of its making
in its message.  The page itself notes when it has painted which; a frame later, as a
person would see it.  An event counts as painted with the first message of its document
that is as new or newer.  Beside it, in the same JupyterLab: a hundred bars of
tqdm.notebook, and of ipywidgets, moved twenty times a second by their own cell.
"""

import argparse
import bisect
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
from measuring import machine, percentile
from surroundings import server

TESTS = Path(__file__).parents[1]
sys.path.insert(0, str(TESTS))

from support.lab import Lab, Notebook, Window, chromium, launched, most_in_a_second  # noqa: E402

#: Seconds for which the page is looked at after the last event.
AFTERWARDS = 10.0

#: Events a second from which they are published by plain `PUBLISH`, many at once, as
#: they would come from other machines: `Bus.publish` takes a core of this one.
PLAIN_FROM = 5_000

#: The bars of others, how often each moves in a second, and for how many seconds.
BARS = 100
TIMES = 20
BAR_SECONDS = 5

HEAD = """\
| what | events/s | frames/s | longest gap | kernel | messages/s | painted p50 | p95 | end painted | end right |
|---|--:|--:|--:|--:|--:|--:|--:|--:|---|"""

#: Notes, after each frame, what has been painted; and counts the frames.
PROBE = """
() => {
  const probe = window.probe = {seen: [], frames: 0, gap: 0, last: performance.now()};
  const newest = new Map();
  const made = /([\\w-]+)\\.pdf[^]*?Made at (\\d{13})/;
  const look = () => {
    const at = Date.now();
    const view = document.querySelector(".docprogress");
    const rows = view ? view.querySelectorAll(".dp-row") : [];
    for (const element of rows.length ? rows : view ? [view] : []) {
      const [, name, stamp] = made.exec(element.textContent) ?? [];
      if (!name || newest.get(name) === stamp) continue;
      newest.set(name, stamp);
      probe.seen.push([name, Number(stamp), at]);
    }
    const output = document.querySelector(".jp-OutputArea");
    const headline = view?.querySelector(".dp-percent")?.textContent ?? "";
    const table = view ? "" : output?.querySelector("strong")?.textContent ?? "";
    if (!probe.ended && /failed/.test(headline + table)) probe.ended = at;
  };
  const frame = () => {
    const now = performance.now();
    probe.frames += 1;
    probe.gap = Math.max(probe.gap, now - probe.last);
    probe.last = now;
    setTimeout(look, 0);
    requestAnimationFrame(frame);
  };
  requestAnimationFrame(frame);
}
"""


@dataclass(frozen=True, kw_only=True)
class Seen:
    """What one subject came to."""

    what: str
    rate: float
    frames: float
    gap: float
    kernel: float
    messages: int
    lags: Sequence[float]
    #: Milliseconds from the last event until it was painted; None if it never was.
    end: float | None
    #: Whether what is shown in the end is what is so.
    right: bool


class Meter:
    """Frames, messages and the kernel's processor time, between two moments."""

    def __init__(self, notebook: Notebook) -> None:
        self._notebook = notebook
        [self._kernel] = notebook.lab.kernel_processes()
        notebook.page.evaluate(PROBE)
        self._messages = len(notebook.message_times())
        self._spent = self._cpu()
        self._begun = time.monotonic()

    def stop(self) -> dict[str, Any]:
        seconds = time.monotonic() - self._begun
        probe = self._notebook.page.evaluate("() => window.probe")
        times = self._notebook.message_times()[self._messages :]
        return {
            "frames": probe["frames"] / seconds,
            "gap": probe["gap"],
            "kernel": (self._cpu() - self._spent) / seconds * 100,
            "messages": most_in_a_second(times),
        }

    def _cpu(self) -> float:
        used: psutil._common.pcputimes = self._kernel.cpu_times()
        return float(used.user + used.system)


def documents(
    window: Window,
    url: str,
    *,
    count: int,
    rate: int,
    seconds: float,
    folder: Path,
    plain: bool,
) -> Seen:
    """Our view of so many documents, at so many events a second."""
    prefix = f"d{count}-{rate}"
    notebook = window.new(
        "from docprogress import ProgressView\n"
        f"ids = [f'{prefix}-{{n}}' for n in range({count})]\n"
        f"ProgressView.watch(*ids, redis_url={url!r})"
    )
    notebook.run(0)
    notebook.view(0).wait_for()
    log = folder / "events"
    meter = Meter(notebook)
    with subprocess.Popen(
        [
            *(
                sys.executable,
                TESTS / "support" / "crowd_of_events.py",
                url,
                "--prefix",
                prefix,
            ),
            *("--documents", str(count), "--rate", str(rate)),
            *("--seconds", str(seconds), "--log", log),
            *(["--plain"] if plain else []),
        ],
        stdout=subprocess.PIPE,
        text=True,
    ) as publisher:
        while publisher.poll() is None:
            notebook.page.wait_for_timeout(100)
        figures = meter.stop()
        assert publisher.stdout is not None
        result = json.loads(publisher.stdout.read())
    deadline = time.monotonic() + AFTERWARDS
    while time.monotonic() < deadline:
        ended = notebook.page.evaluate("() => window.probe.ended ?? null")
        if ended is not None:
            break
        notebook.page.wait_for_timeout(100)
    seen = notebook.page.evaluate("() => window.probe.seen")
    notebook.view(0).wait_for(state="detached")
    shown = notebook.text(0)
    completed = f"{count - 1:,} completed, " if count > 1 else ""
    window.clear()
    return Seen(
        what=f"{count:,} document{'s' if count > 1 else ''}",
        rate=result["rate"],
        lags=lags(seen, log),
        end=None if ended is None else ended - result["last"] * 1000,
        right=f"{completed}1 failed" in shown,
        **figures,
    )


def lags(seen: Sequence[tuple[str, int, int]], log: Path) -> list[float]:
    """Milliseconds from each event of a document that is seen until it was painted."""
    painted: dict[str, list[tuple[int, int]]] = {}
    for name, stamp, at in seen:
        painted.setdefault(name, []).append((stamp, at))
    found = []
    for line in log.read_text("utf-8").splitlines():
        name, _, moment = line.partition(" ")
        made = round(float(moment) * 1000)
        of_document = painted.get(name, [])
        position = bisect.bisect_left(of_document, (made, 0))
        # With its first one, and after its last, a document came into sight or left.
        if 0 < position < len(of_document):
            found.append(of_document[position][1] - made)
    return found


def bars(window: Window, what: str, make: str, move: str, finished: str) -> Seen:
    """A hundred bars of another library, moved by their own cell."""
    notebook = window.new(
        f"import time\nfrom pathlib import Path\n{make}",
        f"begun = time.monotonic()\n"
        f"for step in range({TIMES * BAR_SECONDS}):\n"
        f"    for bar in bars:\n"
        f"        {move}\n"
        f"    time.sleep(max(begun + (step + 1) / {TIMES} - time.monotonic(), 0))\n"
        f"Path('ended').write_text(f'{{time.time()}} {{time.monotonic() - begun}}')",
    )
    notebook.run(0)
    ended = window.lab.folder / "ended"
    ended.unlink(missing_ok=True)
    meter = Meter(notebook)
    # The page may never learn that the cell has ended: that message is dropped too.
    notebook.run(1, wait=False)
    while not (ended.exists() and ended.read_text("utf-8")):
        notebook.page.wait_for_timeout(50)
    figures = meter.stop()
    last, seconds = map(float, ended.read_text("utf-8").split())
    end = None
    while end is None and time.time() < last + AFTERWARDS:
        if notebook.page.evaluate(finished) == BARS:
            end = (time.time() - last) * 1000
        else:
            notebook.page.wait_for_timeout(50)
    window.clear()
    return Seen(
        what=what,
        rate=BARS * TIMES * BAR_SECONDS / seconds,
        lags=[],
        end=end,
        right=end is not None,
        **figures,
    )


def tqdm_bars(window: Window) -> Seen:
    return bars(
        window,
        f"{BARS} bars of tqdm.notebook",
        "from tqdm.notebook import tqdm\n"
        f"bars = [tqdm(total={TIMES * BAR_SECONDS}, mininterval=0) for _ in range({BARS})]",
        "bar.update(1)",
        "() => [...document.querySelectorAll('.jp-OutputArea .widget-html-content')]"
        ".filter((e) => e.textContent.trim() === '100%').length",
    )


def widget_bars(window: Window) -> Seen:
    return bars(
        window,
        f"{BARS} FloatProgress in a VBox",
        "import ipywidgets\n"
        f"bars = [ipywidgets.FloatProgress(max={TIMES * BAR_SECONDS}) for _ in range({BARS})]\n"
        "ipywidgets.VBox(bars)",
        "bar.value += 1",
        "() => [...document.querySelectorAll('.jp-OutputArea .progress-bar')]"
        ".filter((e) => e.style.width === '100%').length",
    )


def line(row: Seen) -> str:
    p50, p95 = (
        f"{percentile(row.lags, share):.0f} ms" if row.lags else ""
        for share in (0.5, 0.95)
    )
    end = "never" if row.end is None else f"{row.end:.0f} ms"
    return (
        f"| {row.what} | {row.rate:,.0f} | {row.frames:.0f} | {row.gap:.0f} ms | "
        f"{row.kernel:.0f} % | {row.messages} | {p50} | {p95} | {end} | "
        f"{'yes' if row.right else 'NO'} |"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--only", nargs="*")
    given = parser.parse_args()
    executable = chromium()
    if executable is None:
        sys.exit("there is no Chromium on this machine")
    print(f"{machine()}\n\n{HEAD}", flush=True)
    subjects = {
        "1": (1, 1000),
        "30": (30, 1000),
        "100": (BARS, BARS * TIMES),
        "10000": (10_000, 1000),
        "fast": (10_000, 10_000),
    }
    with tempfile.TemporaryDirectory() as name, server() as url:
        folder = Path(name)
        with Lab(folder / "lab") as lab, launched(executable) as browser:
            with browser.new_context(
                viewport={"width": 1400, "height": 1000}
            ) as context:
                window = Window(lab, context)
                for key, (count, rate) in subjects.items():
                    if not given.only or key in given.only:
                        seen = documents(
                            window,
                            url,
                            count=count,
                            rate=rate,
                            seconds=given.seconds,
                            folder=folder,
                            # One machine is publisher, server, kernel and page.
                            plain=rate > PLAIN_FROM,
                        )
                        print(line(seen), flush=True)
                for key, others in (("tqdm", tqdm_bars), ("vbox", widget_bars)):
                    if not given.only or key in given.only:
                        print(line(others(window)), flush=True)


if __name__ == "__main__":
    main()
