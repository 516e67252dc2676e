"""Each corruption of encodings, names, dates, gaps and own fields tells two readers apart.

The careless reader is what people write first; the careful one copes as the corruption's documentation says.
"""

from __future__ import annotations

import base64
import json
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.exceptions import Parked
from mockehr.sites.expected import everybody, truth_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.sites.truth import TruthReport

BASE = "http://a.example.org/fhir"
NOW = datetime(2026, 12, 31, tzinfo=UTC)
Record = dict[str, Any]
Decode = Callable[[bytes], str]


def strictly(body: bytes) -> str:
    return body.decode("utf-8")


def one_or_the_other(body: bytes) -> str:
    """Takes a whole answer for Latin-1 at its first fault."""
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError:
        return body.decode("latin-1")


def octet_by_octet(body: bytes) -> str:
    text = body.decode("utf-8", "surrogateescape")
    return "".join(chr(ord(letter) - 0xDC00) if "\udc80" <= letter <= "\udcff" else letter for letter in text)


@dataclass
class Store:
    """What a reader ends up with."""

    site: Site
    decode: Decode
    kept: list[Record] = field(default_factory=list)
    parked: list[Parked] = field(default_factory=list)

    def search(self, kind: str) -> Iterator[Record]:
        query = "_count=50"
        while query:
            headers = {"accept": "application/fhir+json"}
            exchange = Exchange("fhir", path=f"/{kind}", query=query, headers=headers, base_url=BASE)
            reply = self.site.handle(exchange).reply
            assert reply is not None
            page = json.loads(self.decode(reply.body))
            yield from (entry["resource"] for entry in page.get("entry", ()) if entry["search"]["mode"] == "match")
            following = [link["url"] for link in page["link"] if link["relation"] == "next"]
            query = following[0].partition("?")[2] if following else ""

    def park(self, record: Record, kind: str) -> None:
        self.parked.append(Parked(f"{record['resourceType']}/{record['id']}", kind))


Reader = Callable[[Store, Record], None]


def keep(store: Store, record: Record) -> None:
    store.kept.append(record)


def each_text(node: Any, change: Callable[[str], str]) -> Any:
    if isinstance(node, str):
        return change(node)
    if isinstance(node, list):
        return [each_text(item, change) for item in node]
    return {name: each_text(item, change) for name, item in node.items()} if isinstance(node, dict) else node


def rewriting(change: Callable[[str], str]) -> Reader:
    return lambda store, record: keep(store, each_text(record, change))


def members(node: Any) -> Iterator[tuple[str, Any]]:
    for name, value in node.items() if isinstance(node, dict) else ():
        yield name, value
        yield from members(value)
    for item in node if isinstance(node, list) else ():
        yield from members(item)


# encodings and names


def undone(text: str) -> str:
    """Takes back what was read as Windows-1252, as often as it was."""
    while not text.isascii():
        octets = bytearray()
        for letter in text:
            try:
                octets += letter.encode("cp1252")
            except UnicodeEncodeError:
                if not "\x7f" < letter < "\xa0":
                    return text
                octets.append(ord(letter))
        try:
            text = octets.decode("utf-8")
        except UnicodeDecodeError:
            return text
    return text


def into_postgres(store: Store, record: Record) -> None:
    if "\\u0000" in json.dumps(record):
        raise ValueError("unsupported Unicode escape sequence")
    keep(store, record)


def without_controls(text: str) -> str:
    return text.strip("\0\x01\x1a\x1f\x7f\ufeff")


def into_utf_8(store: Store, record: Record) -> None:
    keep(store, json.loads(json.dumps(record, ensure_ascii=False).encode("utf-8")))


def without_halves(text: str) -> str:
    return text.encode("utf-8", "ignore").decode().rstrip()


def with_question_marks(text: str) -> str:
    return text.encode("utf-8", "replace").decode()


def replaced(text: str) -> str:
    """What Go and browsers make of it."""
    return "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)


def as_text(store: Store, record: Record) -> None:
    """Stores the note as text, and its octets no more."""
    text = base64.b64decode(record["data"]).decode("utf-8", "replace")
    keep(store, record | {"data": base64.b64encode(text.encode()).decode()})


def first_and_last(store: Store, record: Record) -> None:
    if record["name"][0]["given"][0] and record["name"][0]["family"]:
        keep(store, record)


def letters_of_the_west(store: Store, record: Record) -> None:
    if all(ord(letter) < 0x2100 for letter in record["name"][0].get("text", "")):
        keep(store, record)


def composed(text: str) -> str:
    return unicodedata.normalize("NFC", text)


def forty_letters(store: Store, record: Record) -> None:
    name = record["name"][0]
    keep(store, record | {"name": [name | {"family": name["family"][:40]}, *record["name"][1:]]})


# dates

WHEN = (
    "effectiveDateTime", "onsetDateTime", "abatementDateTime", "occurrenceDateTime", "performedDateTime",
    "recordedDate",
)  # fmt: skip


def dates(record: Record) -> Iterator[tuple[str, str]]:
    yield from ((name, record[name]) for name in WHEN if isinstance(record.get(name), str))


def filled_in(store: Store, record: Record) -> None:
    keep(store, record | {name: text + "-01-01"[len(text) - 10 :] for name, text in dates(record) if len(text) < 10})


def whole_days(store: Store, record: Record) -> None:
    if all(datetime.fromisoformat(text) for _, text in dates(record)):
        keep(store, record)


def not_later_than_now(store: Store, record: Record) -> None:
    if all(datetime.fromisoformat(text) <= NOW for _, text in dates(record)):
        keep(store, record)


def taken_for_utc(store: Store, record: Record) -> None:
    keep(store, record | {name: text + "Z" for name, text in dates(record) if "T" in text and len(text) == 19})


def no_placeholders(store: Store, record: Record) -> None:
    empty = ("1900-01-01", "9999-12-31")
    keep(store, {name: value for name, value in record.items() if value not in empty})


def only_what_was(store: Store, record: Record) -> None:
    if any(text[:10] > NOW.date().isoformat() for _, text in dates(record)):
        store.park(record, "date")
    else:
        keep(store, record)


def slashes(order: str) -> Callable[[str], str]:
    def read(text: str) -> str:
        day, _, time = text.partition(" ")
        if day.count("/") != 2 or len(day) != 10 or not day.replace("/", "").isdigit():
            return text
        try:
            at = datetime.strptime(day, order).date()
        except ValueError:
            at = datetime.strptime(day, "%d/%m/%Y").date()
        return f"{at.isoformat()}T{time}" if time else at.isoformat()

    return read


month_first, day_first = rewriting(slashes("%m/%d/%Y")), rewriting(slashes("%d/%m/%Y"))


def no_leap_seconds(text: str) -> str:
    if text[10:11] != "T" or text[16:19] != ":60":
        return text
    at = datetime.fromisoformat(text.replace(":60", ":59", 1)).timestamp() + 1
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


# gaps and own fields


def required(store: Store, record: Record) -> None:
    if record["status"] and record["code"]:
        keep(store, record)


def ordered_when(store: Store, record: Record) -> None:
    if record["authoredOn"]:
        keep(store, record)


def nothing_empty(store: Store, record: Record) -> None:
    if all(value != "" and value != [""] for _, value in members(record)):
        keep(store, record)


def notes_read(store: Store, record: Record) -> None:
    for _ in record.get("note", []):
        pass
    keep(store, record)


def without_nulls(store: Store, record: Record) -> None:
    keep(store, {name: value for name, value in record.items() if value is not None})


def known_uses(store: Store, record: Record) -> None:
    if all(one["use"] in ("home", "work", "temp", "old", "mobile") for one in record["telecom"]):
        keep(store, record)


def race_by_position(store: Store, record: Record) -> None:
    if record["extension"][0]["extension"][0]["valueCoding"]:
        keep(store, record)


def no_unknown_modifiers(store: Store, record: Record) -> None:
    if record.get("modifierExtension"):
        store.park(record, "other")
    else:
        keep(store, record)


def nothing_unknown(store: Store, record: Record) -> None:
    if not any(name.startswith(("_", "x_", "custom")) for name in record):
        keep(store, record)


CASES: list[tuple[str, str, Decode, Reader, Decode, Reader]] = [
    # corruption, type, careless, careful
    ("double-encoded-text", "Patient", strictly, keep, strictly, rewriting(undone)),
    ("mixed-encodings", "Patient", strictly, keep, octet_by_octet, keep),
    ("mixed-encodings", "Patient", one_or_the_other, keep, octet_by_octet, keep),
    ("nul-and-controls", "Patient", strictly, into_postgres, strictly, keep),
    ("nul-and-controls", "Patient", strictly, into_postgres, strictly, rewriting(without_controls)),
    ("lone-surrogates", "Observation", strictly, into_utf_8, strictly, keep),
    ("lone-surrogates", "Observation", strictly, into_utf_8, strictly, rewriting(without_halves)),
    ("lone-surrogates", "Observation", strictly, rewriting(with_question_marks), strictly, rewriting(replaced)),
    ("documents-in-latin-1", "Binary", strictly, as_text, strictly, keep),
    ("unicode-names", "Patient", strictly, first_and_last, strictly, keep),
    ("unicode-names", "Patient", strictly, letters_of_the_west, strictly, keep),
    ("unicode-names", "Patient", strictly, forty_letters, strictly, rewriting(composed)),
    ("partial-dates", "Condition", strictly, filled_in, strictly, keep),
    ("missing-time-zones", "Observation", strictly, not_later_than_now, strictly, keep),
    ("missing-time-zones", "Observation", strictly, taken_for_utc, strictly, keep),
    ("placeholder-dates", "Condition", strictly, keep, strictly, no_placeholders),
    ("future-dates", "Observation", strictly, keep, strictly, only_what_was),
    ("day-first-text", "Condition", strictly, whole_days, strictly, day_first),
    ("day-first-text", "Condition", strictly, month_first, strictly, day_first),
    ("leap-seconds", "Observation", strictly, whole_days, strictly, keep),
    ("leap-seconds", "Observation", strictly, whole_days, strictly, rewriting(no_leap_seconds)),
    ("missing-required", "Observation", strictly, required, strictly, keep),
    ("data-absent-reason", "MedicationRequest", strictly, ordered_when, strictly, keep),
    ("empty-strings", "Patient", strictly, nothing_empty, strictly, keep),
    ("nulls", "Observation", strictly, notes_read, strictly, keep),
    ("nulls", "Observation", strictly, notes_read, strictly, without_nulls),
    ("unknown-codes", "Patient", strictly, known_uses, strictly, keep),
    ("local-extensions", "Patient", strictly, race_by_position, strictly, keep),
    ("modifier-extensions", "Observation", strictly, keep, strictly, no_unknown_modifiers),
    ("unknown-elements", "Patient", strictly, nothing_unknown, strictly, keep),
]  # fmt: skip
NAMES = [f"{case[0]}-{number}" for number, case in enumerate(CASES)]


def made(kind: str, corruption: str = "") -> Site:
    site = build_site(SiteOptions("a", patients=40 if kind == "Patient" else 4, stepped=True, open_access=True))
    if corruption:
        site.arm({"use": corruption, "with": {"rate": 1.0}})
    return site


def judged(site: Site, kind: str, decode: Decode, reader: Reader) -> TruthReport:
    store = Store(site, decode)
    try:
        for record in store.search(kind):
            try:
                reader(store, record)
            except (KeyError, TypeError, ValueError):
                continue  # one record less, as the logs of many clients say
    except UnicodeDecodeError:
        pass
    return truth_of(site, everybody(site), {kind: ""}, store.kept, store.parked)


@pytest.mark.parametrize("case", CASES, ids=NAMES)
def test_a_careful_reader_passes_and_a_careless_one_fails(
    case: tuple[str, str, Decode, Reader, Decode, Reader],
) -> None:
    corruption, kind, careless, careless_reader, careful, careful_reader = case
    site = made(kind, corruption)
    well = judged(site, kind, careful, careful_reader)
    assert well.ok, well.text()
    assert not judged(site, kind, careless, careless_reader).ok


@pytest.mark.parametrize(("kind", "decode", "careless"), {(one[1], one[2], one[3]): None for one in CASES})
def test_of_clean_records_the_same_careless_readers_are_right(kind: str, decode: Decode, careless: Reader) -> None:
    assert judged(made(kind), kind, decode, careless).ok
