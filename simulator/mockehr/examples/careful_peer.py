"""A small HL7 v2 peer that copes: `python -m mockehr.examples.careful_peer`, configured by environment variables.

`MOCKEHR_SITES=north,south` and `MOCKEHR_OUTPUT=folder`; per site `MOCKEHR_NORTH_MLLP_PORT`, to which admissions of
our own go, and `_FEED_PORT`, on which the site's feed is taken. It ends after `MOCKEHR_SILENCE` seconds (3) in which
the site said nothing, and writes `<site>.ndjson`: the messages that were applied, and what follows from them.

It stands for its reader's own code: nothing here comes from mockehr, and it may be copied.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import os
import random
import re
import sys
import uuid
from bisect import insort
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path
from typing import Any, Final

log = logging.getLogger("careful_peer")
Record = dict[str, Any]

HOST, TRIES, ADMISSIONS = "127.0.0.1", 8, 8
QUIET = 0.5  # seconds after which a frame without its end is taken as it is
WITHIN = 1.0  # seconds that we wait for an acknowledgement
MARKS = re.compile(rb"\x0b|\x1c[\r\n]|\x1c(?=\x0b)")
UNITS = "MGDL=mg/dL MMOLL=mmol/L µmol/L=umol/L x10E3=10*3/uL mcg/dl=ug/dL 10e9/l=10*9/L G/DL=g/dL"
STATUSES = "admitted:A01 A06 A13,registered:A04 A07,preadmitted:A05 A14,discharged:A03,cancelled:A11 A27 A38"
VISITS: Final = {one: told.partition(":")[0] for told in STATUSES.split(",") for one in told.split(":")[1].split()}
UCUM: Final = dict(pair.split("=") for pair in UNITS.split())
MERGES = frozenset({"A18", "A30", "A34", "A35", "A36", "A39", "A40", "A41"})


class Frames:
    """Messages out of a stream of octets, however it was cut and whatever lies between them."""

    def __init__(self) -> None:
        self._kept = bytearray()
        self._looked = 0

    def feed(self, octets: bytes) -> list[bytes]:
        """What these octets complete. A start ends what had no end; junk comes out too, and means nothing later."""
        self._kept += octets
        if not MARKS.search(self._kept, max(0, self._looked - 1)):
            self._looked = len(self._kept)
            return []
        *whole, rest = MARKS.split(bytes(self._kept))
        self._kept, self._looked = bytearray(rest), 0
        return [piece for one in whole if (piece := one.strip(b"\r\n\x1c"))]

    def rest(self) -> list[bytes]:
        """What is there when nothing more comes: a message that lacks its end, if it looks whole."""
        rest = bytes(self._kept)
        if not (b"MSH" in rest or rest.startswith(b"MSA")) or rest[-1:] not in (b"\r", b"\n", b"\x1c"):
            return []
        self._kept, self._looked = bytearray(), 0
        return [rest.strip(b"\r\n\x1c")]


def decode(octets: bytes, declared: str) -> str:
    """Text by what is there: what holds as UTF-8 is UTF-8, then what was declared counts, then Windows-1252."""
    name = declared.upper().replace("8859/", "iso8859-").removeprefix("UNICODE ")
    for codec in ("utf-8", "" if name in ("ASCII", "8859/1", "iso8859-1", "") else name, "cp1252"):
        with suppress(LookupError, UnicodeDecodeError):
            return octets.decode(codec)
    return octets.decode("latin-1")


class Message:
    """One message, read by the delimiters that it declares. Raises ValueError for what has no header."""

    def __init__(self, octets: bytes) -> None:
        start = octets.find(b"MSH")
        if start < 0 or len(octets) < start + 8:
            raise ValueError("no MSH")
        self.octets = octets[start:]  # a byte order mark and junk lie before
        self.head = re.split(rb"[\r\n]", self.octets, maxsplit=1)[0].split(self.octets[3:4])
        self.field, marks = chr(self.octets[3]), self.head[1].decode("latin-1").ljust(4, "\x00")
        self.component, self.repetition, self.escape, self.subcomponent = tuple(marks[:4])
        text = decode(self.octets, self.head[17].decode("latin-1") if len(self.head) > 17 else "")
        lines = (line for line in re.split(r"\r\n?" if "\r" in text else "\n", text) if line.strip())
        self.segments = [line.split(self.field) for line in lines]
        self.segments[0].insert(1, self.field)
        self.id, self.kind, trigger = (self.at(self.segments[0], *place) for place in ((10,), (9, 1), (9, 2)))
        self.trigger = trigger if trigger and trigger[0] != "Z" else self.at(self.first("EVN"), 1) or trigger

    def first(self, name: str) -> list[str]:
        """The first segment of that name; an empty one if there is none."""
        return next((segment for segment in self.segments if segment[0] == name), [])

    def parts(self, segment: Sequence[str], field: int) -> list[list[str]]:
        """The repetitions of a field, each as its components, not unescaped."""
        value = segment[field] if field < len(segment) else ""
        return [one.split(self.component) for one in value.split(self.repetition)] if value.strip() else []

    def at(self, segment: Sequence[str], field: int, component: int = 0, sub: int = 0) -> str:
        """The text at a place; of component 0 the whole field."""
        if not component:
            marks = str.maketrans(self.component + self.repetition + self.subcomponent, "^~&")
            return self.plain(segment[field].translate(marks)).strip() if field < len(segment) else ""
        return self.part((self.parts(segment, field) or [[]])[0], component, sub)

    def part(self, pieces: Sequence[str], component: int, sub: int = 0) -> str:
        """A component of one repetition."""
        text = pieces[component - 1] if component <= len(pieces) else ""
        return self.plain((*text.split(self.subcomponent), "")[sub - 1] if sub else text).strip()

    def plain(self, text: str) -> str:
        """Escape sequences resolved; what is none stays as it is."""
        if self.escape not in text:
            return text
        marks = {"F": self.field, "S": self.component, "R": self.repetition, "E": self.escape, "T": self.subcomponent}

        def meaning(found: re.Match[str]) -> str:
            body = found[1]
            if body[0] == "X":
                octets = bytes.fromhex(body[1:] if len(body) % 2 else "0" + body[1:])
                return (octets.lstrip(b"\x00") or octets[:1]).decode("cp1252", "replace")
            return marks.get(body) or ("\n" if body[:3] in (".br", ".sp", ".ce") else "")

        quoted = re.escape(self.escape)
        return re.sub(rf"{quoted}([FSRET]|X[0-9A-Fa-f]+|\.[a-z]{{2}}[+-]?\d*){quoted}", meaning, text)

    @property
    def order(self) -> tuple[str, int, str]:
        """What it is sorted by: when the event was recorded, then its number; arrival says nothing."""
        told = self.at(self.first("EVN"), 2) or self.at(self.segments[0], 7)
        number = re.search(r"\d+", self.id)
        return day_first(told)[:14].ljust(14, "0"), int(number[0]) if number else 0, self.id


def day_first(text: str) -> str:
    """A time as digits with the year in front, whoever wrote it."""
    american = re.match(r"(\d\d)/(\d\d)/(\d{4})", text)
    return re.sub(r"\D", "", american[3] + american[1] + american[2] + text[10:] if american else text)


class Records:
    """What follows from messages, applied in the order of their events."""

    def __init__(self) -> None:
        self.kept: dict[str, dict[str, Record]] = {"Person": {}, "Visit": {}, "Result": {}}
        self.replaced: dict[str, str] = {}
        self._messages: list[Record] = []
        self._authority = ""
        self._spellings: dict[str, str] = {}
        self._codes: dict[str, str] = {}

    def apply(self, message: Message) -> None:
        """One message."""
        kind = f"{message.kind}^{message.trigger}"
        self._messages.append({"resourceType": "Message", "id": message.id, "kind": kind})
        person = self._person(message, message.first("PID"))
        if message.kind == "ADT" and message.trigger in MERGES:
            for survivor, loser in self.merges(message):
                self.replaced.pop(survivor, None)
                self.replaced[loser] = survivor
        elif message.kind == "ADT" and message.trigger == "A37":
            for segment in message.segments:
                self.replaced.pop(self.number(message, segment, 3) if segment[0] == "PID" else "", None)
        elif message.kind == "ADT":
            self._visit(message, message.first("PV1"), person)
        elif message.kind == "ORU":
            self._results(message, person)

    def __iter__(self) -> Iterator[Record]:
        yield from self._messages
        for kind, records in self.kept.items():
            for id, record in records.items():
                if kind != "Person" or id not in self.replaced:
                    owner = {"person": self.survivor(record["person"])} if "person" in record else {}
                    yield {"resourceType": kind, "id": id, **record, **owner}

    def survivor(self, person: str) -> str:
        """Who stands for a person now: the end of the chain."""
        seen: set[str] = set()
        while person in self.replaced and person not in seen:
            seen.add(person)
            person = self.replaced[person]
        return person

    def merges(self, message: Message) -> list[tuple[str, str]]:
        """(who stays, who goes) of a merge; nobody is merged into himself."""
        pairs, survivor, own = list[tuple[str, str]](), "", [""]
        for segment in message.segments:
            if segment[0] == "PID":
                survivor = self.number(message, segment, 3)
                own = ["", survivor, *(self._spelt(message.part(one, 1)) for one in message.parts(segment, 3))]
            elif segment[0] == "MRG" and survivor:
                gone = (self._spelt(message.part(one, 1)) for one in message.parts(segment, 1))
                pairs += [(survivor, loser) for loser in gone if loser not in own]
        return pairs

    def number(self, message: Message, segment: Sequence[str], field: int) -> str:
        """The medical record number: by type and authority, not by place."""
        told = [one for one in message.parts(segment, field) if message.part(one, 1) not in ("", '""')]
        typed = [one for one in told if message.part(one, 5) == "MR"]
        own = [one for one in typed or told if self._authority and message.part(one, 4) == self._authority]
        chosen = next(iter(own or typed), None)
        if chosen is None:
            return self._spelt(message.at(segment, 2, 1).replace('""', "") or message.part((told or [[]])[0], 1))
        self._authority = self._authority or message.part(chosen, 4)
        return self._spelt(message.part(chosen, 1))

    def _spelt(self, number: str) -> str:
        """The number as it was written first: zeros and dashes come and go."""
        return self._spellings.setdefault(re.sub(r"\W", "", number).lstrip("0"), number) if number else ""

    def _person(self, message: Message, pid: Sequence[str]) -> str:
        own = self.number(message, pid, 3)
        if not own:
            return ""
        names = [one for one in message.parts(pid, 5) if message.part(one, 1)]
        name = max(names, key=lambda one: message.part(one, 7) == "L", default=[])
        born, sex = day_first(message.at(pid, 7, 1))[:8] or message.at(pid, 7, 1), message.at(pid, 8, 1)
        told = {
            "family": message.part(name, 1, 1),
            "given": message.part(name, 2),
            "birthDate": "" if born[:4] in ("0000", "9999") else born,
            "sex": sex if sex == '""' else sex[:1].upper(),
        }
        record = self.kept["Person"].setdefault(own, {})
        for element, value in told.items():
            known = record.get(element, "")
            if not (known and (known.upper() == value or (element == "birthDate" and known.startswith(value)))):
                take(record, element, value)  # what is shouted or cut says nothing new
        return own

    def _visit(self, message: Message, pv1: Sequence[str], person: str) -> None:
        number = message.at(pv1, 19, 1)
        if not number or number == '""':
            return
        record = self.kept["Visit"].setdefault(number, {})
        told = {"person": person, "location": message.at(pv1, 3), "class": message.at(pv1, 2, 1)}
        for element, value in {**told, "status": VISITS.get(message.trigger, "")}.items():
            take(record, element, value)

    def _results(self, message: Message, person: str) -> None:
        filler, before = "", ""
        for segment in message.segments:
            if segment[0] == "PID":
                person = self._person(message, segment)
            elif segment[0] == "OBR":
                filler, before = message.at(segment, 3, 1) or message.at(segment, 2, 1), ""
            elif segment[0] == "OBX" and filler:
                code, line = self._code(message, segment), message.at(segment, 4)
                value = message.plain(segment[5]) if len(segment) > 5 else ""
                if (text := message.at(segment, 2) in ("TX", "FT") and line.isdigit()) and line != "1" and before:
                    self.kept["Result"][before]["value"] += "\n" + value  # one more line of the same text
                    continue
                line = "" if text else line
                before = ":".join(piece for piece in (filler, code, line) if piece)
                unit, status = message.at(segment, 6, 1), message.at(segment, 11, 1)
                value = measured(value) if message.at(segment, 2) == "NM" else value
                told = {"person": person, "value": value, "units": UCUM.get(unit, unit), "status": status}
                self.kept["Result"][before] = told

    def _code(self, message: Message, segment: Sequence[str]) -> str:
        """The standard code, wherever it stands; of a local one what its text was coded as before."""
        triplets = [[message.at(segment, 3, place + n) for n in range(3)] for place in (1, 4)]
        text = next((one[1] for one in triplets if one[1]), "")
        code = next((one[0] for one in triplets if one[2] == "LN"), "")
        self._codes |= {text: code} if code else {}
        return code or self._codes.get(text) or triplets[0][0] or triplets[1][0]


def take(record: Record, element: str, value: str) -> None:
    """What was told replaces what is known, nothing leaves it, two quotation marks delete it."""
    if value == '""':
        record.pop(element, None)
    elif value:
        record[element] = value


def measured(value: str) -> str:
    """A number without zeros in front, comma or flag; what is no number stays."""
    number = re.fullmatch(r"\s*0*(\d+)(?:[.,](\d+))?(?: [HLN]{1,2})?\s*", value)
    return value if number is None else number[1] + (f".{number[2]}" if number[2] else "")


class Inbox:
    """What came from one site: every message once, in the order of events."""

    def __init__(self) -> None:
        self.messages: list[tuple[tuple[str, int, str], int, Message]] = []
        self.heard = 0
        self._known: set[tuple[str, bytes]] = set()
        self._acknowledged = 0

    def take(self, octets: bytes) -> list[bytes]:
        """Keep a message unless it is known; the acknowledgements that it wants."""
        try:
            message = Message(octets)
        except ValueError:
            return []
        self.heard += 1
        # The same id with other octets is another message: some systems number by the minute.
        key = (message.id, hashlib.sha256(message.octets).digest())
        if key not in self._known:
            if message.first("MRG") and not Records().merges(message):
                return self._answer(message, b"E", b"nobody is merged into himself")
            self._known.add(key)
            insort(self.messages, (message.order, len(self._known), message))
        return self._answer(message, b"A")

    def records(self) -> Records:
        """What follows from all of it: what came late is put in its place."""
        records = Records()
        for _, _, message in self.messages:
            records.apply(message)
        return records

    def _answer(self, message: Message, outcome: bytes, text: bytes = b"") -> list[bytes]:
        head = [*message.head, *[b""] * 20]
        wanted = (b"AL", b"SU") if outcome == b"A" else (b"AL", b"ER")
        levels = [level for level, one in ((b"C", head[14]), (b"A", head[15])) if one.strip() in wanted]
        answers = []
        for level in levels if head[14] or head[15] else [b"A"]:
            self._acknowledged += 1
            mark, part = message.octets[3:4], message.head[1][:1]
            now = datetime.now().strftime("%Y%m%d%H%M%S").encode()
            kind = part.join((b"ACK", message.trigger.encode("latin-1", "replace"), b"ACK"))
            own = b"ACK%d" % self._acknowledged
            msh = (b"MSH", head[1], *head[4:6], *head[2:4], now, b"", kind, own, head[10] or b"P", head[11])
            msa = (b"MSA", level + outcome, head[9], text)
            answers.append(b"\r".join((mark.join(msh), mark.join(msa).rstrip(mark), b"")))
        return answers


async def receive(inbox: Inbox, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection of a site that sends to us."""
    frames = Frames()
    with suppress(OSError, asyncio.CancelledError):  # at the end we leave without a word
        while True:
            try:
                octets = await asyncio.wait_for(reader.read(65536), QUIET)
                pieces = frames.feed(octets)
            except TimeoutError:
                octets, pieces = b"-", frames.rest()
            for piece in pieces:
                for answer in inbox.take(piece):
                    writer.write(b"\x0b" + answer + b"\x1c\r")
            await writer.drain()
            if not octets:  # half a message that was cut off is none: it will come again
                break
    writer.close()


class Outbox:
    """Our own messages to one site: each is sent until its own acknowledgement came, and parked if it is refused."""

    def __init__(self, port: int, within: float = WITHIN) -> None:
        self.port, self.within = port, within
        self.parked: list[bytes] = []
        self._frames = Frames()
        self._pieces: list[bytes] = []
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def deliver(self, id: bytes, body: bytes) -> bool:
        """Send it, the same octets with the same id each time; whether the site has it now."""
        for attempt in range(TRIES):
            try:
                code, error = await asyncio.wait_for(self._ask(id, body), self.within * 3)
            except OSError:  # no connection, a cut one, or nothing within the bound
                self.hang_up()
                code, error = b"", b""
            if code in (b"AA", b"CA"):
                return True
            if code and (error not in (b"206", b"207") or attempt >= 2):  # locked or down may pass
                break
            await asyncio.sleep(min(5.0, (1.0 if code else 0.1) * 2.0**attempt) * random.uniform(1.0, 1.25))
        log.warning("parked: %s", id.decode())
        self.parked.append(body)
        return False

    async def deliver_all(self, messages: Iterable[tuple[bytes, bytes]]) -> None:
        """One after the other; what is parked holds up nothing."""
        for id, body in messages:
            await self.deliver(id, body)

    async def _ask(self, id: bytes, body: bytes) -> tuple[bytes, bytes]:
        """MSA-1 and the error code of the answer that names the message; other answers are others'."""
        if self._streams is None:
            self._frames, self._pieces = Frames(), []
            self._streams = await asyncio.open_connection(HOST, self.port)
        reader, writer = self._streams
        writer.write(b"\x0b" + body + b"\x1c\r")
        await writer.drain()
        until = asyncio.get_running_loop().time() + self.within
        while True:
            while self._pieces:
                piece = self._pieces.pop(0)
                if piece == b"\x15":  # not committed, says release 2
                    return b"", b""
                code, named, error = acknowledged(piece)
                if code and named == id:
                    return code, error
            left = until - asyncio.get_running_loop().time()
            if left <= 0:
                raise TimeoutError
            try:
                octets = await asyncio.wait_for(reader.read(65536), min(left, QUIET))
                if not octets:
                    raise ConnectionResetError
                self._pieces += self._frames.feed(octets)
            except TimeoutError:
                self._pieces += self._frames.rest()

    def hang_up(self) -> None:
        """Close the connection; the next message makes a new one."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()


def acknowledged(octets: bytes) -> tuple[bytes, bytes, bytes]:
    """MSA-1, MSA-2 and the code of the first error, by the acknowledgement's own delimiters; empty if it is none."""
    start = max(octets.find(b"MSH"), 0)
    marks = octets[start + 3 : start + 5] if octets[start:].startswith(b"MSH") else b"|^"
    mark, part = marks[:1], marks[1:]
    code = named = error = b""
    for line in re.split(rb"[\r\n]+", octets[start:]):
        fields = [*line.split(mark), b"", b"", b"", b""]
        if fields[0] == b"MSA" and fields[1] in (b"AA", b"AE", b"AR", b"CA", b"CE", b"CR"):
            code, named = fields[1], fields[2].strip()
        elif fields[0] == b"ERR":
            error = error or fields[3].split(part)[0]
    return code, named, error


def admissions(count: int) -> Iterator[tuple[bytes, bytes]]:
    """(MSH-10, message) of patients whom we admit; ids that nobody used before."""
    run = uuid.uuid4().hex[:8].upper()
    for number in range(1, count + 1):
        now, id = f"{datetime.now():%Y%m%d%H%M%S}", f"P{run}{number}"
        text = (
            f"MSH|^~\\&|PEER|CLINIC|EHR|HOSPITAL|{now}||ADT^A01^ADT_A01|{id}|P|2.5.1||||||UNICODE UTF-8\r"
            f"EVN|A01|{now}\rPID|1||C{number:04}^^^CLINIC^MR||Muñoz^Erika||19800304|F\r"
            f"PV1|1|I|WARD^{number}^A||||||||||||||||{run}{number}^^^CLINIC^VN\r"
        )
        yield id.encode(), text.encode()


async def attend(settings: Mapping[str, str], silence: float) -> Records:
    """Both roles at one site, until it has been silent for so many seconds and what we had to say is said."""
    inbox, outbox = Inbox(), Outbox(int(settings.get("MLLP_PORT", "0")))

    server = None
    if "FEED_PORT" in settings:
        server = await asyncio.start_server(lambda r, w: receive(inbox, r, w), HOST, int(settings["FEED_PORT"]))
    saying = asyncio.create_task(outbox.deliver_all(admissions(ADMISSIONS if outbox.port else 0)))
    heard, quiet = -1, 0.0
    while not saying.done() or quiet < silence:
        quiet = quiet + 0.05 if inbox.heard == heard else 0.0
        heard = inbox.heard
        await asyncio.sleep(0.05)
    await saying
    outbox.hang_up()
    if server is not None:
        server.close()
    return inbox.records()


async def attend_all(names: Sequence[str], environment: Mapping[str, str]) -> list[Records]:
    """Every site named, side by side."""
    silence = float(environment.get("MOCKEHR_SILENCE", "3"))
    return await asyncio.gather(*(attend(settings_of(one, environment), silence) for one in names))


def settings_of(name: str, environment: Mapping[str, str]) -> dict[str, str]:
    """The variables of one site without their prefix."""
    prefix = f"MOCKEHR_{name.upper().replace('-', '_')}_"
    return {key.removeprefix(prefix): value for key, value in environment.items() if key.startswith(prefix)}


def main() -> int:
    """Attend to every site named in the environment; 0 when all was said and heard, 2 if a variable is missing."""
    logging.basicConfig(level=logging.WARNING, format="%(name)s: %(message)s")
    try:
        output = Path(os.environ["MOCKEHR_OUTPUT"])
        names = os.environ["MOCKEHR_SITES"].split(",")
        output.mkdir(parents=True, exist_ok=True)
    except KeyError as missing:
        print(f"careful_peer: the variable {missing} is not set", file=sys.stderr)
        return 2
    for name, records in zip(names, asyncio.run(attend_all(names, os.environ)), strict=True):
        (output / f"{name}.ndjson").write_text("".join(json.dumps(one) + "\n" for one in records), "ascii")
    return 0


if __name__ == "__main__":
    sys.exit(main())
