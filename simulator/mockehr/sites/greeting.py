"""Links that count their messages (sequence number protocol): how they are started, and what MSA-4 makes them do."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.hl7.sequence import START, expected_of, reconcile, sequence_of, starting
from mockehr.sites.feeds import Link
from mockehr.sites.mllp_stages import prepare_again
from mockehr.sites.site import Site

NAME: Final = "sequence-start"
"""The interaction of a message that only starts a link."""


def opened(site: Site, link: Link) -> Exchange:
    """The message numbered 0 that asks the peer which number it expects: the header of the first that waits."""
    body = starting(link.ready[0].body, f"{link.name}-{len(site.journal) + 1}-0")
    exchange = Exchange("mllp-out", "SEND", f"/{link.name}", body=body, direction="out", peer=link.name)
    exchange.interaction = Interaction(NAME)
    prepare_again(site, exchange)
    return exchange


def opens(exchange: Exchange) -> bool:
    """Whether it starts a link and tells of nothing."""
    return exchange.interaction is not None and exchange.interaction.name == NAME


def answered(site: Site, link: Link, exchange: Exchange) -> list[Exchange]:
    """The peer has said what it expects. Those that it had taken already are off the queue and answered now.

    A peer that knows no number (-1, or nothing) takes what comes. One that wants a message that is gone stops the
    link (chapter 2.10.1: frozen until an operator intervenes).
    """
    link.greeted = True
    expected = expected_of(exchange.reply.body if exchange.reply is not None else b"")
    if expected is None or expected <= START:
        return []
    taken: list[Exchange] = []
    while link.ready and (sequence_of(link.ready[0].body) or 0) < expected:
        taken.append(link.ready.popleft())
        taken[-1].reply = Reply(200)
        taken[-1].notes["then"] = f"taken before: {expected} is expected"
        site.journal.close(taken[-1])
    first = sequence_of(link.ready[0].body) if link.ready else expected
    if first != expected:
        link.stopped = f"the peer expects sequence number {expected}, the first that waits has {first}"
    return taken


def taken_before(link: Link, exchange: Exchange) -> bool:
    """Reconcile MSA-4 with what was sent; True if the peer says that it has that message already.

    A peer that wants an earlier number is asked again with 0; what cannot be reconciled stops the link.
    """
    if not link.sequence or exchange.reply is None:
        return False
    sent, expected = sequence_of(exchange.body), expected_of(exchange.reply.body)
    verdict = reconcile(sent, expected) if sent else "taken"
    if verdict == "behind":
        link.greeted = False
    elif verdict == "frozen":
        link.stopped = f"sequence number {sent} was answered with {expected}"
    return verdict == "earlier-taken"
