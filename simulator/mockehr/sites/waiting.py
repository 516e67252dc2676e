"""The queue of one HL7 feed: who overtakes whom, what a full one does, which messages belong to a closed batch."""

from __future__ import annotations

from mockehr.core.changes import Change
from mockehr.core.exchange import Exchange
from mockehr.sites.feeds import Link


def full(link: Link, change: Change) -> bool:
    """Whether that change must not be told on the link now; what became of it is noted on the link."""
    policy = link.policy
    if link.behind is not None:
        return True
    if policy.full == "drop-oldest" or link.waiting < policy.queue:
        return False
    if policy.full == "refuse":
        link.untold.append((change.number, "the queue was full"))
    else:
        link.behind = change.number - 1
    return True


def hold(link: Link, exchange: Exchange, count: int) -> None:
    """Let `count` later messages overtake that one."""
    link.held.append((exchange, count))


def overtake(link: Link) -> None:
    """A message was added to `ready`: each that is held was overtaken once more, and follows once that will do."""
    still: list[tuple[Exchange, int]] = []
    for exchange, left in link.held:
        if left > 1:
            still.append((exchange, left - 1))
        else:
            link.ready.append(exchange)
    link.held[:] = still


def releasable(link: Link) -> int:
    """How many of those in `ready` may go: all, or those of closed batches."""
    return len(link.ready) if link.batch is None else min(link.released, len(link.ready))


def release_batch(link: Link) -> None:
    """Close the batch that gathers."""
    link.released = len(link.ready)
    if link.due is not None:
        link.due()
        link.due = None
