"""From moments that several processes noted to how long each hop took."""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from docprogress.latency.measurement import ClockOffset, Floats, Hop, Integers
from docprogress.latency.plan import Plan

#: What the hops are called, in the order of the way.
TO_REDIS = "publish → Redis"
TO_KERNEL = "Redis → kernel"
TO_PAINTED = "kernel → painted"
UNTIL_KERNEL = "publish → kernel"
UNTIL_PAINTED = "publish → painted"
UNTIL_CLIENT = "publish → SSE client"

#: The ways from end to end; all else are parts of them.
END_TO_END = (UNTIL_KERNEL, UNTIL_PAINTED, UNTIL_CLIENT)

#: All of them.
HOPS = (TO_REDIS, TO_KERNEL, UNTIL_KERNEL, TO_PAINTED, UNTIL_PAINTED, UNTIL_CLIENT)


class Came(NamedTuple):
    """When each event came to somebody: NaN where it never did."""

    moments: Floats
    overtaken: np.ndarray[tuple[int], np.dtype[np.bool_]]


def came(plan: Plan, documents: Integers, numbers: Integers, moments: Floats) -> Came:
    """When one listener had heard of each event, or of a newer one of its document.

    Args:
        plan: What was published.
        documents: Of what was heard, in the order in which it was: the document,
        numbers: its event,
        moments: and when that was.
    """
    first = np.full((plan.documents, plan.count(0) + 1), np.nan)
    told = np.zeros(first.shape, dtype=bool)
    np.fmin.at(first, (documents, numbers), moments)
    told[documents, numbers] = True
    # What a newer event told, no older one has to tell.
    earliest = np.fmin.accumulate(first[:, ::-1], axis=1)[:, ::-1]
    index, number = places(plan)
    return Came(earliest[index, number], ~told[index, number])


def places(plan: Plan) -> tuple[Integers, Integers]:
    """Each event's document, and its number there, in the order of publishing."""
    positions = np.arange(plan.events)
    return positions % plan.documents, positions // plan.documents + 1


def until_kernel(plan: Plan, published: Floats, heard: Came) -> list[Hop]:
    """From being sent until this process had heard of it, and where Redis was.

    Args:
        plan: What was published.
        published: When each event was sent, and when Redis had answered; NaN where
            it never was.
        heard: When each was heard here.
    """
    sent, answered = published.T
    # It cannot have been heard before Redis had it; an event that was overtaken was
    # never heard at all.
    known = np.where(heard.overtaken, answered, np.fmin(answered, heard.moments))
    half = (known - sent) / 2
    redis = Came(sent + half, np.zeros(plan.events, dtype=bool))
    certain = np.zeros(plan.events)
    return [
        _hop(plan, TO_REDIS, sent, redis, half),
        _hop(plan, TO_KERNEL, redis.moments, heard, half),
        _hop(plan, UNTIL_KERNEL, sent, heard, certain),
    ]


def until_painted(
    plan: Plan,
    *,
    published: Floats,
    heard: Came,
    told: Integers,
    painted: Sequence[tuple[int, float]],
    offset: ClockOffset,
) -> list[Hop]:
    """From being heard, and from being sent, until the page had painted it.

    Args:
        plan: What was published.
        published: When each event was sent, and when Redis had answered.
        heard: When each was heard here.
        told: What the page was told: document, event, number of the message.
        painted: What it had painted when, by its own clock: message, moment.
        offset: How far that clock is ahead.
    """
    messages, moments = np.array(painted).T
    # Who has painted a message has painted all before it.
    newest = np.maximum.accumulate(messages)
    document, number, message = told.reshape(-1, 3).T
    found = np.searchsorted(newest, message)
    seen = found < len(newest)
    at = moments[found[seen]] - offset.seconds
    shown = came(plan, document[seen], number[seen], at)
    uncertainty = np.full(plan.events, offset.uncertainty)
    sent = published[:, 0]
    # Of what was not published nothing begins, even if a newer event was heard of.
    begun = np.where(np.isnan(sent), np.nan, heard.moments)
    hops = [
        _hop(plan, TO_PAINTED, begun, shown, uncertainty),
        _hop(plan, UNTIL_PAINTED, sent, shown, uncertainty),
    ]
    return [hop for hop in hops if len(hop.seconds)]


def until_clients(
    plan: Plan, published: Floats, clients: int, places: Integers, moments: Floats
) -> Hop:
    """From being sent until each client had heard of it.

    Args:
        plan: What was published.
        published: When each event was sent, and when Redis had answered.
        clients: How many there were.
        places: What was heard: client, document, event.
        moments: When that was.
    """
    client, document, number = places.reshape(-1, 3).T
    sent, certain = published[:, 0], np.zeros(plan.events)
    order = np.argsort(client, kind="stable")
    bounds = np.searchsorted(client[order], np.arange(clients + 1))
    parts = []
    for each in range(clients):
        mine = order[bounds[each] : bounds[each + 1]]
        heard = came(plan, document[mine], number[mine], moments[mine])
        parts.append(_hop(plan, UNTIL_CLIENT, sent, heard, certain))
    return Hop(
        name=UNTIL_CLIENT,
        expected=int(np.count_nonzero(~np.isnan(sent))) * clients,
        documents=np.concatenate([part.documents for part in parts]),
        numbers=np.concatenate([part.numbers for part in parts]),
        seconds=np.concatenate([part.seconds for part in parts]),
        uncertainty=np.concatenate([part.uncertainty for part in parts]),
        overtaken=np.concatenate([part.overtaken for part in parts]),
        clients=np.repeat(np.arange(clients), [len(part.seconds) for part in parts]),
    )


def _hop(plan: Plan, name: str, begun: Floats, ended: Came, uncertainty: Floats) -> Hop:
    """From when each event was at one place until it was at the next."""
    index, number = places(plan)
    seconds = ended.moments - begun
    there = ~np.isnan(seconds)
    return Hop(
        name=name,
        expected=int(np.count_nonzero(~np.isnan(begun))),
        documents=index[there],
        numbers=number[there],
        seconds=seconds[there],
        uncertainty=uncertainty[there],
        overtaken=ended.overtaken[there],
    )
