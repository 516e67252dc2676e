"""A small HL7 v2 peer as one is first written: `python -m mockehr.examples.careless_peer`, configured like
`careful_peer`.

It works on a good day. Each habit that does not survive a bad one is marked with `BUG` and the ledger's id.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import sys
import uuid
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

log = logging.getLogger("careless_peer")
Record = dict[str, Any]

HOST, TRIES, ADMISSIONS = "127.0.0.1", 5, 8
WITHIN = 1.0
VISITS: Final[Mapping[str, str]] = {"A01": "admitted", "A04": "registered", "A03": "discharged", "A11": "cancelled"}


def split(data: bytes) -> list[list[str]]:
    """The segments of a message, each as its fields; those of MSH are one place too far to the left."""
    # BUG G6: what is no UTF-8 is lost for good, whatever MSH-18 says.
    text = data.strip(b"\x0b\x1c\r\n").decode("utf-8", errors="replace")
    # BUG G5, G6: segments end in CR and fields in |, as in the guide's example.
    return [line.split("|") for line in text.split("\r")]


def part(segment: Sequence[str], field: int, component: int = 1) -> str:
    """A component; the empty string if it is not there."""
    # BUG G6: components are split at ^, and escape sequences stay as they are.
    pieces = segment[field].split("^") if field < len(segment) else []
    return pieces[component - 1] if component <= len(pieces) else ""


class Database:
    """What came from one site."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.heard = 0
        self.last_id = ""
        self._known: dict[str, Record] = {}

    def take(self, data: bytes) -> bytes:
        """Apply what was read; the acknowledgement."""
        self.heard += 1
        code = "AA"
        try:
            segments = split(data)
            # BUG G2: what is acknowledged is whatever id was seen last.
            self.last_id = segments[0][9]
            self._apply(segments)
        except (IndexError, KeyError, ValueError) as error:
            log.error("%s: %s", type(error).__name__, error)
            code = "AE"
        now = f"{datetime.now():%Y%m%d%H%M%S}"
        msh = f"MSH|^~\\&|CLIENT|CLIENT|EHR|HOSPITAL|{now}||ACK|A{self.heard}|P|2.5.1"
        return f"{msh}\rMSA|{code}|{self.last_id}\r".encode()

    def _apply(self, segments: list[list[str]]) -> None:
        # BUG G3, G4: everything is applied as often as it comes, and in the order in which it comes.
        kind, trigger = segments[0][8].split("^")[:2]
        self.records.append({"resourceType": "Message", "id": self.last_id, "kind": f"{kind}^{trigger}"})
        person = filler = ""
        for segment in segments:
            if segment[0] == "PID":
                person = self._person(segment)
            elif segment[0] == "PV1" and kind == "ADT" and part(segment, 19):
                # BUG G8: what A40 says of two persons is read like any other ADT.
                told = {"person": person, "location": segment[3], "class": segment[2]}
                self._keep("Visit", part(segment, 19), told | {"status": VISITS.get(trigger, "")})
            elif segment[0] == "OBR":
                filler = part(segment, 3)
            elif segment[0] == "OBX":
                self._result(segment, person, filler)

    def _person(self, pid: Sequence[str]) -> str:
        # BUG G8: the first identifier is the record number.
        own = part(pid, 3)
        # BUG G6: two quotation marks are a name like any other.
        told = {"family": part(pid, 5), "given": part(pid, 5, 2), "birthDate": pid[7], "sex": pid[8]}
        self._keep("Person", own, told)
        return own

    def _result(self, obx: Sequence[str], person: str, filler: str) -> None:
        # BUG G7: OBX-2 is believed, the code is what stands first, and the message ends where a value is odd.
        if obx[2] not in ("NM", "ST", "TX", "FT", "CWE", "ED"):
            raise ValueError(f"no such type as {obx[2]!r}")
        if obx[2] == "NM":
            float(obx[5])  # raises ValueError
        told = {"person": person, "value": obx[5], "units": part(obx, 6), "status": obx[11]}
        self._keep("Result", f"{filler}:{part(obx, 3)}", told)

    def _keep(self, kind: str, id: str, told: Record) -> None:
        record = self._known.get(f"{kind}/{id}")
        if record is None:
            record = self._known[f"{kind}/{id}"] = {"resourceType": kind, "id": id}
            self.records.append(record)
        record.update({name: value for name, value in told.items() if value})


async def receive(database: Database, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of a site that sends to us."""
    with suppress(OSError, asyncio.CancelledError):
        # BUG G5: what one read gives is one message.
        while data := await reader.read(65536):
            writer.write(b"\x0b" + database.take(data) + b"\x1c\r")
            await writer.drain()
    writer.close()


async def send(port: int) -> None:
    """Admit some patients."""
    # BUG G9: one connection for all, and none after it is gone.
    try:
        reader, writer = await asyncio.open_connection(HOST, port)
        for number in range(1, ADMISSIONS + 1):
            for _ in range(TRIES):
                # BUG G2, G3: sent again under a new id, at once, whatever the answer was.
                writer.write(b"\x0b" + admission(number, uuid.uuid4().hex[:12].upper()) + b"\x1c\r")
                await writer.drain()
                try:
                    answer = await asyncio.wait_for(reader.read(65536), WITHIN)
                except TimeoutError:
                    log.error("no acknowledgement of admission %d", number)
                    break  # BUG G2: and not sent again at all, if nothing comes
                # BUG G2: the first acknowledgement that comes is ours.
                if b"|AA|" in answer or not answer:
                    break
        writer.close()
    except OSError as error:
        log.error("%s: %s", type(error).__name__, error)


def admission(number: int, id: str) -> bytes:
    """A patient whom we admit."""
    now = f"{datetime.now():%Y%m%d%H%M%S}"
    return (
        f"MSH|^~\\&|PEER|CLINIC|EHR|HOSPITAL|{now}||ADT^A01^ADT_A01|{id}|P|2.5.1\rEVN|A01|{now}\r"
        f"PID|1||C{number:04}^^^CLINIC^MR||Munoz^Erika||19800304|F\r"
        f"PV1|1|I|WARD^{number}^A||||||||||||||||{number}^^^CLINIC^VN\r"
    ).encode()


async def attend(settings: Mapping[str, str], silence: float) -> list[Record]:
    """Both roles at one site, until it has been silent for so many seconds."""
    database, server = Database(), None
    if "FEED_PORT" in settings:
        server = await asyncio.start_server(lambda r, w: receive(database, r, w), HOST, int(settings["FEED_PORT"]))
    sending = asyncio.create_task(send(int(settings.get("MLLP_PORT", "0"))))
    heard, quiet = -1, 0.0
    while not sending.done() or quiet < silence:
        quiet = quiet + 0.05 if database.heard == heard else 0.0
        heard = database.heard
        await asyncio.sleep(0.05)
    await sending
    if server is not None:
        server.close()
    return database.records


async def attend_all(names: Sequence[str], environment: Mapping[str, str]) -> list[list[Record]]:
    """Every site named, side by side."""
    silence = float(environment.get("MOCKEHR_SILENCE", "3"))
    return await asyncio.gather(*(attend(settings_of(one, environment), silence) for one in names))


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def main() -> int:
    """Attend to every site named in the environment; 2 if a variable is missing."""
    logging.basicConfig(level=logging.CRITICAL)
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        names = os.environ["MOCKEHR_SITES"].split(",")
        output.mkdir(parents=True, exist_ok=True)
    except KeyError as missing:
        print(f"careless_peer: the variable {missing} is not set", file=sys.stderr)
        return 2
    for name, records in zip(names, asyncio.run(attend_all(names, os.environ)), strict=True):
        (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in records), "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
