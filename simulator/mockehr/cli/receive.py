"""`mockehr receive`: a receiver of webhooks for people, that shows what arrives and answers as told."""

from __future__ import annotations

import asyncio
import re
import signal
import sys
from collections import Counter
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Final

import click
import orjson

from mockehr.core.clock import duration
from mockehr.core.errors import EnvironmentProblem, UnknownName, UsageError
from mockehr.events.sign import SCHEMES

if TYPE_CHECKING:
    from mockehr.edge.hook_receiver import Answer, HookReceiver
    from mockehr.events.arrival import Arrival

REMEDY: Final = "Write it like 200, 500x2,200 or 429;Retry-After=5,200."
MOST: Final = 100_000
"""Answers that may be told one by one."""


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
@click.option("--port", default=0, type=click.IntRange(0, 65535), help="Port to listen on; any free one unless told.")
@click.option("--secret", default="", help="Check that all is signed with it.")
@click.option("--scheme", default="", help=f"In which way: {', '.join(SCHEMES)}; as it arrives unless told.")
@click.option(
    "--answer", default="200", show_default=True, metavar="LIST", help="Statuses, the last for ever: 500x2,200."
)
@click.option("--delay", default="0", metavar="TIME", help="Wait before each answer: 200ms, 3s.")
@click.option("--out", type=click.Path(path_type=Path), help="Write what arrives to a file, as NDJSON.")
@click.option(
    "--handshake",
    type=click.Choice(["challenge", "none"]),
    default="challenge",
    show_default=True,
    help="Give senders their challenge back (Redox, WebSub), or answer them like all else.",
)
@click.option("--count", default=0, type=click.IntRange(0), help="End after so many deliveries.")
@click.option("--json", "as_json", is_flag=True, help="Print what arrives, and the summary, as JSON lines.")
def receive(scheme: str, answer: str, delay: str, as_json: bool, **given: Any) -> None:
    """Receive webhooks until interrupted: print what arrives, answer as told, check signatures, and sum it up.

    mockehr receive --port 9000 --secret s3cret --answer 500x2,200

    Exit status: 0, or 1 if something was not signed as it should be.
    """
    if scheme and scheme not in SCHEMES:
        raise UnknownName("way to sign", scheme, SCHEMES)
    answers = answers_from(answer)
    from mockehr.cli.loop import run_on_best_loop

    shown = _Shown(given["secret"], scheme, as_json)
    run_on_best_loop(_receive(shown, answers, _seconds(delay), **given))
    shown.sum_up()
    sys.exit(1 if shown.faults else 0)


def answers_from(text: str) -> list[Answer]:
    """Answers from `500x2,200` or `429;Retry-After=5,200`, the last of which is for all that follow.

    Raises UsageError.
    """
    from mockehr.edge.hook_receiver import Answer

    found: list[Answer] = []
    for part in text.split(","):
        words = re.fullmatch(r"\s*([1-5][0-9]{2})(?:x([0-9]{1,6}))?((?:;[^;=]+=[^;]*)*)\s*", part)
        if words is None or int(words[1]) < 200:
            raise UsageError(f"--answer: {part.strip()!r} is no answer.", remedy=REMEDY)
        pairs = [pair.partition("=") for pair in words[3].split(";")[1:]]
        told = Answer(int(words[1]), {name.strip(): value.strip() for name, _, value in pairs})
        found += [told] * int(words[2] or 1)
        if len(found) > MOST:
            raise UsageError(f"--answer: more than {MOST} answers.", remedy="The last one is for all that follow.")
    return found


async def _receive(
    shown: _Shown,
    answers: list[Answer],
    delay: float,
    *,
    host: str,
    port: int,
    out: Path | None,
    handshake: str,
    count: int,
    secret: str,
) -> None:
    from mockehr.edge.hook_receiver import HookReceiver

    over, loop = asyncio.Event(), asyncio.get_running_loop()

    def heard(arrival: Arrival) -> None:
        shown.show(arrival, writing)
        if count and len(shown.arrivals) >= count:
            over.set()

    receiver: HookReceiver = HookReceiver(heard)
    receiver.echo, receiver.delay = handshake == "challenge", delay
    everywhere = receiver.at("/")
    everywhere.next.extend(answers[:-1])
    everywhere.always = answers[-1]
    writing = _opened(out)
    try:
        shown.begin(f"http://{f'[{host}]' if ':' in host else host}:{await receiver.start(host, port)}/")
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(number, over.set)
        await over.wait()
        await receiver.stop()
    finally:
        if writing is not None:
            writing.close()


class _Shown:
    """What is printed, and what it adds up to."""

    def __init__(self, secret: str, scheme: str, as_json: bool) -> None:
        self._secret = secret
        self._scheme = scheme
        self._as_json = as_json
        self.arrivals: list[str] = []
        self.faults = 0
        self._statuses: Counter[int] = Counter()
        self._events: Counter[str] = Counter()

    def begin(self, url: str) -> None:
        """Say where it listens."""
        self._say({"listening": url}, f"receiving at {url} (any path); Ctrl-C ends")

    def show(self, arrival: Arrival, writing: IO[bytes] | None) -> None:
        """Print one delivery, and write it down."""
        from mockehr.events.checks import scheme_of

        asked = arrival.challenge
        fault = arrival.fault(self._secret, scheme=self._scheme) if self._secret and not asked else ""
        said = arrival.events
        self.faults += bool(fault)
        self.arrivals.append(arrival.path)
        self._statuses[arrival.status] += 1
        self._events.update(one.id for one in said)
        scheme = self._scheme or scheme_of(arrival.headers)
        signed = (f"NOT SIGNED AS AGREED: {fault}" if fault else f"signed ({scheme})") if self._secret else scheme
        told = [f"{one.id} {one.type} {one.resource}".strip() for one in said]
        row = _row(arrival) | {"signing": scheme, "fault": fault}
        if writing is not None:
            writing.write(orjson.dumps(row) + b"\n")
            writing.flush()
        again = "  (again)" if any(self._events[one.id] > 1 for one in said) else ""
        kind = "; ".join(told) or ("challenge" if asked else f"{len(arrival.body)} octets")
        self._say(
            row, f"{arrival.number:6} {arrival.method} {arrival.path} → {arrival.status}  {kind}{again}  {signed}"
        )

    def sum_up(self) -> None:
        """Print what came."""
        repeated = sum(times - 1 for times in self._events.values())
        answered = {str(status): times for status, times in sorted(self._statuses.items())}
        row = {
            "deliveries": len(self.arrivals),
            "events": len(self._events),
            "repeated": repeated,
            "answered": answered,
            "faults": self.faults,
        }
        told = ", ".join(f"{times} answered {status}" for status, times in answered.items()) or "nothing came"
        checked = f"; {self.faults} not signed as agreed" if self._secret else ""
        self._say(
            {"summary": row},
            f"{len(self.arrivals)} deliveries, {len(self._events)} events, {repeated} again; {told}{checked}",
        )

    def _say(self, row: dict[str, Any], line: str) -> None:
        click.echo(orjson.dumps(row).decode() if self._as_json else line)


def _opened(out: Path | None) -> IO[bytes] | None:
    try:
        return out.open("ab") if out is not None else None
    except OSError as error:
        raise EnvironmentProblem(
            f"{out} cannot be written: {error.strerror}.", remedy="Name another file."
        ) from error


def _row(arrival: Arrival) -> dict[str, Any]:
    names = ("id", "type", "resource", "number", "topic", "occurred")
    return {
        "number": arrival.number,
        "method": arrival.method,
        "path": arrival.path,
        "query": arrival.query,
        "headers": dict(arrival.headers),
        "body": arrival.body.decode("utf-8", "backslashreplace"),
        "status": arrival.status,
        "events": [{name: getattr(one, name) for name in names} for one in arrival.events],
    }


def _seconds(text: str) -> float:
    try:
        found = duration(text)
    except ValueError as error:
        raise UsageError(f"--delay: {error}") from error
    return found
