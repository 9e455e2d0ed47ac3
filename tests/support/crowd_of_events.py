"""Publishes events of many documents, from a process of its own.

    python crowd_of_events.py REDIS_URL --documents 10000 --rate 1000 --seconds 10

For so many seconds documents move, each message holding the moment of its making;
then every document ends, at the same rate, the last one in failure.  Says on its
standard output, as JSON, how many events that were, how many of them a second, and
when the last one was made.  With `--log`, each event's document and moment is written
to a file.
"""

import argparse
import json
import time
from collections.abc import Iterator
from contextlib import closing
from functools import partial
from pathlib import Path

from redis.client import Pipeline

from docprogress import Bus, ProgressEvent, Status
from docprogress.bus.keys import document_channel
from docprogress.events import now

#: Events that are sent before their replies are read.
TOGETHER = 20

#: Documents at the beginning that get every fourth event: those that are looked at.
LOOKED_AT = 8


def moving(documents: int) -> Iterator[int]:
    """The documents whose turn it is, for ever."""
    while True:
        for turn in range(documents):
            yield turn // 4 % min(LOOKED_AT, documents) if turn % 4 == 0 else turn


def event(prefix: str, number: int, status: Status, progress: float) -> ProgressEvent:
    at = now()
    return ProgressEvent(
        document_id=f"{prefix}-{number}",
        name=f"{prefix}-{number}.pdf",
        status=status,
        step="extraction",
        progress=progress,
        message=f"Made at {round(at.timestamp() * 1000)}",
        error="it is damaged" if status is Status.FAILED else None,
        timestamp=at,
    )


def crowd(
    prefix: str, documents: int, rate: float, seconds: float
) -> Iterator[ProgressEvent]:
    turns = moving(documents)
    moved = round(rate * seconds)
    for position in range(moved):
        share = 99 * position / moved
        yield event(prefix, next(turns), Status.PROCESSING, share)
    for number in range(documents - 1):
        yield event(prefix, number, Status.COMPLETED, 100)
    yield event(prefix, documents - 1, Status.FAILED, 50)


def publish(pipeline: Pipeline, event: ProgressEvent) -> None:
    pipeline.publish(document_channel(event.document_id), event.encode())


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("url")
    parser.add_argument("--documents", type=int, default=10_000)
    parser.add_argument("--rate", type=float, default=1000)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--prefix", default="many")
    parser.add_argument("--plain", action="store_true", help="only PUBLISH")
    parser.add_argument("--log", type=Path)
    given = parser.parse_args()

    lines = []
    count = 0
    begun = time.monotonic()
    with Bus(given.url) as bus, closing(bus.new_publisher()) as publisher:
        plain = bus.redis.pipeline(transaction=False)
        publish_one = (
            partial(publish, plain) if given.plain else publisher.publish_nowait
        )
        flush = plain.execute if given.plain else publisher.collect
        for made in crowd(given.prefix, given.documents, given.rate, given.seconds):
            publish_one(made)
            lines.append(f"{made.document_id} {made.timestamp.timestamp():.4f}\n")
            count += 1
            if count % TOGETHER == 0:
                flush()
                time.sleep(max(begun + count / given.rate - time.monotonic(), 0))
        flush()
    if given.log:
        given.log.write_text("".join(lines), "utf-8")
    rate = count / (time.monotonic() - begun)
    print(
        json.dumps(
            {"events": count, "last": made.timestamp.timestamp(), "rate": round(rate)}
        )
    )


if __name__ == "__main__":
    main()
