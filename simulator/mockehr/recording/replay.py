"""Replay: `perform` answers from a tape, the other eight stages do not notice."""

from __future__ import annotations

import orjson

from mockehr.core.exchange import Exchange, Reply
from mockehr.core.problem import Problem
from mockehr.recording.tape import Miss, Tape


def perform_from(tape: Tape, exchange: Exchange) -> None:
    """Stage `perform` of a replay site: the recorded status and body, with the recorded base replaced by ours.

    A request that nothing on the tape answers becomes a 404 whose text names the nearest recordings.
    """
    found = tape.find(exchange.method, exchange.path, exchange.query)
    if isinstance(found, Miss):
        exchange.notes["near_misses"] = [recording.source for recording, _ in found.nearest]
        exchange.result = Problem(404, "not-found", str(found), value=exchange.path)
        return
    body = found.body
    if isinstance(body, str):
        reply = Reply(found.status, body=body.encode(), content_type="text/html; charset=utf-8")
    else:
        octets = orjson.dumps(body).replace(found.base.encode(), exchange.base_url.encode())
        reply = Reply(found.status, body=octets, content_type="application/fhir+json; charset=utf-8")
    exchange.notes["recording"] = found.source
    exchange.result = reply
