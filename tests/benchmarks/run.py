"""Compare side by side, and print the ratios: `python tests/benchmarks/run.py [name …]`.

It always ends well, whatever the ratios: see README.md for how to read them.
"""

import argparse
import os
import signal
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import beginning
import costs
import encodings_detected
import quality
import spending
import sse
import throughput
import wire
from measuring import Row, machine, table


@dataclass(frozen=True, kw_only=True)
class Sizes:
    """How much is measured."""

    rounds: int
    documents: int
    texts: int
    large_pages: int
    events: int
    clients: int
    crowded_rounds: int
    seconds: float


FULL = Sizes(
    rounds=7,
    documents=100,
    texts=5000,
    large_pages=1150,
    events=1000,
    clients=1000,
    crowded_rounds=3,
    seconds=3.0,
)
QUICK = Sizes(
    rounds=5,
    documents=10,
    texts=500,
    large_pages=200,
    events=200,
    clients=100,
    crowded_rounds=1,
    seconds=1.0,
)

#: What can be measured, given how much, and what was asked for.
BENCHMARKS: dict[str, Callable[[Sizes, argparse.Namespace], Iterator[Row]]] = {
    "import": lambda sizes, _: beginning.light_import(2 * sizes.rounds + 1),
    "commands": lambda sizes, _: beginning.light_commands(2 * sizes.rounds + 1),
    "first": lambda sizes, _: chain(
        beginning.from_a_shell(sizes.rounds), beginning.first_event(sizes.rounds)
    ),
    "publish": lambda sizes, _: wire.publish(2 * sizes.rounds + 1, sizes.events),
    "subscribe": lambda sizes, _: wire.subscribe(sizes.rounds, sizes.events),
    "sse": lambda sizes, _: sse.under_load(sizes),
    "pdfs": lambda sizes, given: throughput.everything(
        sizes.rounds, sizes.documents, given.source
    ),
    # So near to 1 that a few rounds say nothing.
    "progress": lambda sizes, given: throughput.progress(
        6 * sizes.rounds - 1, sizes.documents, given.source
    ),
    "structure": lambda sizes, given: costs.structure(
        sizes.rounds, sizes.documents // 5, given.source
    ),
    "texts": lambda sizes, _: spending.small_texts(sizes.texts),
    "profile": lambda sizes, _: spending.profile(sizes.texts),
    "memory": lambda sizes, _: spending.large_pdf(sizes.rounds, sizes.large_pages),
    "peers": lambda sizes, given: throughput.peers(
        sizes.rounds, sizes.documents, given.source, given.peers_python
    ),
    "encodings": lambda sizes, _: encodings_detected.rows(2 if sizes is QUICK else 8),
    "quality": lambda sizes, given: quality.rows(
        given.peers_python, quick=sizes is QUICK
    ),
}


def main() -> None:
    """Run what was asked for, and print one table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "names",
        nargs="*",
        metavar="name",
        help=f"any of {', '.join(BENCHMARKS)}; all of them by default",
    )
    parser.add_argument(
        "--quick", action="store_true", help="small sizes: does it work at all?"
    )
    parser.add_argument(
        "--peers-python",
        default=sys.executable,
        metavar="PATH",
        help="the Python that has the group `peers` installed (default: this one)",
    )
    parser.add_argument(
        "--from",
        dest="source",
        type=Path,
        metavar="FOLDER",
        help="cut the PDFs out of real ones, instead of making some",
    )
    options = parser.parse_args()
    unknown = set(options.names) - BENCHMARKS.keys()
    if unknown:
        parser.error(f"there is no benchmark {', '.join(sorted(unknown))}")
    # No setting of whoever runs this has a part in it.
    for name in [name for name in os.environ if name.startswith("DOCPROGRESS_")]:
        del os.environ[name]
    # Services are stopped on the way out, which a signal must not cut short.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    sizes = QUICK if options.quick else FULL
    print(machine())
    rows: list[Row] = []
    try:
        for name in options.names or BENCHMARKS:
            print(f"{name} …", file=sys.stderr, flush=True)
            rows += BENCHMARKS[name](sizes, options)
    finally:
        # Also what was measured before it was interrupted.
        print(table(rows))


if __name__ == "__main__":
    main()
