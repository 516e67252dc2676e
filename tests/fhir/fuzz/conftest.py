"""A grammar of FHIR requests that are right, and of what may be done to them; all drawn from named streams."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Sequence
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import quote

import orjson
import pytest

from mockehr.core.chance import Chance, Stream
from mockehr.fhir.operations import operations
from mockehr.fhir.search.table import definitions
from mockehr.fhir.xml import to_xml

KINDS: Final = (
    "Patient",
    "Observation",
    "Condition",
    "Encounter",
    "Basic",
    "Binary",
    "ValueSet",
    "CodeSystem",
    "ConceptMap",
)
IDS: Final = ("a", "a", "a", "b", "b", "c", "p0", "w1", "none")
SYSTEM: Final = "http://e.org/s"
VALUES: Final = (
    "",
    "a",
    "2024",
    "ge2024-02-30",
    "male",
    f"{SYSTEM}|a",
    "|",
    "a,b",
    "\\",
    "Patient/a",
    "#x",
    "5.40|http://unitsofmeasure.org|mg",
    "lt1e99",
    "true",
    "*",
    "é",
    "\u202e",
    "x" * 300,
    "-1",
    "9" * 40,
    "http://hl7.org/fhir/ValueSet/administrative-gender",
)
FITTING: Final = MappingProxyType(
    {
        "token": ("a", f"{SYSTEM}|a", "|a", f"{SYSTEM}|"),
        "date": ("2024", "ge2020-01-01", "lt2024-05-01T10:00:00Z", "ap2024"),
        "reference": ("Patient/a", "a", "Patient/p0"),
        "string": ("Ott", "a", "é"),
        "number": ("5", "gt1.5", "1e2"),
        "quantity": ("1.5", "lt2||mg", "5.40|http://unitsofmeasure.org|mg"),
        "uri": (SYSTEM, "urn:x"),
    }
)
ODD: Final[tuple[Any, ...]] = (
    None,
    True,
    0,
    -1,
    5,
    10**30,
    1.5,
    "",
    " ",
    "a",
    "\u0001",
    "é\u202e",
    "2023-02-30",
    "Patient/a",
    "#",
    "#c",
    "urn:uuid:x",
    [],
    {},
    [None],
    [[]],
    {"a": 1},
    {"id": "a"},
    {"extension": []},
    ["a", 5],
    {"resourceType": "Patient"},
    "x" * 5000,
    "<div xmlns='http://www.w3.org/1999/xhtml'>x</div>",
    {"reference": "Patient?name=x"},
    {"system": 5, "code": []},
)
HEADERS: Final = (
    "if-match",
    "if-none-match",
    "if-modified-since",
    "if-none-exist",
    "prefer",
    "accept",
    "content-type",
    "content-encoding",
)
TOLD: Final = (
    'W/"1"',
    'W/"0"',
    "*",
    '"',
    "",
    "return=minimal",
    "return=OperationOutcome",
    "handling=strict",
    "application/fhir+xml",
    "application/json-patch+json",
    "text/html;q=0.1",
    "*/*",
    f"identifier={SYSTEM}|a",
    "identifier=",
    "_count=1",
    "Sun, 06 Nov 1994 08:49:37 GMT",
    "x" * 3000,
    "é",
    ",;=",
    "gzip",
    "application/pdf",
    "image/png",
)
NOISE: Final = (
    b"\0",
    b"\xff",
    b'"',
    b"{",
    b"}",
    b"[",
    b"]",
    b"<",
    b">",
    b"&a;",
    b"\\u0000",
    b"\\ud800",
    b"1e999",
    b"NaN",
    b"9" * 50,
    b",",
    b":",
    b"null",
)
NAMES: Final = (
    "code",
    "system",
    "url",
    "coding",
    "codeableConcept",
    "valueSet",
    "conceptMap",
    "resource",
    "meta",
    "filter",
    "count",
    "offset",
    "patient",
    "type",
    "category",
    "start",
    "_since",
    "_type",
    "_count",
    "max",
    "mode",
    "profile",
    "codeA",
    "codeB",
)
PATHS: Final = (
    "/active",
    "/name",
    "/name/0",
    "/name/-",
    "/name/0/family",
    "",
    "/",
    "/id",
    "/meta",
    "/resourceType",
    "/code/coding/0",
    "/a/b",
    "/~1",
)
FHIRPATHS: Final = (
    "Patient",
    "Patient.name",
    "Patient.name[0].family",
    "Patient.active",
    "Observation.value",
    "Patient.name.where(use = 'x')",
    "Patient.id",
    "Patient.name.first()",
    "Patient.name[99]",
    "Patient.extension('x')",
    "",
    "Patient.(",
    "$this",
)


class Grammar:
    """Draws one request after the other: (method, target, headers, body)."""

    def __init__(self, stream: Stream) -> None:
        self.pick = stream

    def request(self) -> tuple[str, str, dict[str, str], bytes]:
        """A request of the grammar, spoiled in up to three places, or in none."""
        method, target, headers, document = self._kind()()
        if document is not None:
            for _ in range(self.pick.weighted((0, 1, 2, 3), (5, 3, 2, 1))):
                document = self.spoiled(document)
        body = self._octets(document, headers)
        if self.pick.chance(0.15):
            headers[self.pick.choice(HEADERS)] = self.pick.choice(TOLD)
        if self.pick.chance(0.1):
            target = self._spoiled_text(target)
        if self.pick.chance(0.03):
            method = self.pick.choice(("GET", "HEAD", "OPTIONS", "POST", "PUT", "PATCH", "DELETE", "BREW"))
        return method, target, headers, body

    def _kind(self) -> Callable[[], tuple[str, str, dict[str, str], Any]]:
        kinds = (self._write, self._search, self._read, self._patch, self._bundle, self._operation)
        return self.pick.weighted(kinds, (5, 4, 2, 3, 3, 4))

    # requests that are right

    def _read(self) -> tuple[str, str, dict[str, str], Any]:
        kind, id = self.pick.choice(KINDS), self.pick.choice(IDS)
        tail = self.pick.choice(
            ("", "/_history", "/_history/1", "/*", "/Observation", "?_summary=true", "?_elements=id")
        )
        whole = ("/metadata", "/_history?_count=2", f"/{kind}/_history", "/", f"/{kind}/{id}{tail}")
        method = self.pick.weighted(("GET", "DELETE", "HEAD", "OPTIONS"), (8, 3, 1, 1))
        return method, self.pick.weighted(whole, (1, 1, 1, 1, 8)), {}, None

    def _query(self, kind: str) -> str:
        names = sorted(definitions(kind))
        parts = []
        for _ in range(self.pick.weighted((0, 1, 2), (2, 3, 1))):
            name = self.pick.choice(names)
            name += self.pick.weighted(
                ("", ":exact", ":not", ":missing", ":Patient", ".name", ":in"), (20, 1, 1, 1, 1, 1, 1)
            )
            kind_of = definitions(kind)[name.partition(":")[0].partition(".")[0]].kind
            fitting = FITTING.get(kind_of, VALUES)
            parts.append((name, self.pick.choice(fitting if self.pick.chance(0.7) else VALUES)))
        shaping = (
            ("_count", "3"),
            ("_sort", "-_id"),
            ("_include", "*"),
            ("_revinclude", "Observation:subject"),
            ("_format", "xml"),
            ("_has:Observation:subject:code", "a"),
            ("_total", "accurate"),
            ("_summary", "count"),
            ("_elements", "id"),
            ("_include:iterate", "*"),
            ("_contained", "both"),
            ("_type", "Patient,Basic"),
            ("_page", "x"),
        )
        if self.pick.chance(0.5):
            parts.append(self.pick.choice(shaping))
        return "&".join(f"{quote(name, safe=':')}={quote(value, safe='')}" for name, value in parts)

    def _search(self) -> tuple[str, str, dict[str, str], Any]:
        kind = self.pick.choice(KINDS)
        where = self.pick.weighted((f"/{kind}", "/", f"/Patient/{self.pick.choice(IDS)}/{kind}"), (8, 1, 1))
        if self.pick.chance(0.2):
            return "POST", f"{where.rstrip('/')}/_search", {}, self._query(kind).encode()
        return "GET", f"{where}?{self._query(kind)}", {}, None

    def resource(self, kind: str, id: str = "") -> dict[str, Any]:
        """A resource of that type that is right."""
        coding = {"coding": [{"system": SYSTEM, "code": self.pick.choice(("a", "b"))}], "text": "é"}
        subject = {"reference": f"Patient/{self.pick.choice(IDS)}"}
        system = {"url": SYSTEM, "status": "active"}
        target = [{"code": "b", "equivalence": "equal"}]
        group = {"source": SYSTEM, "target": SYSTEM, "element": [{"code": "a", "target": target}]}
        parts: dict[str, dict[str, Any]] = {
            "Patient": {
                "active": True,
                "name": [{"family": "Ott", "given": ["A", "B"]}],
                "birthDate": "1970-01-01",
                "identifier": [{"system": SYSTEM, "value": "a"}],
                "contact": [{"name": {"text": "x"}}],
            },
            "Observation": {
                "status": "final",
                "code": coding,
                "subject": subject,
                "valueQuantity": {"value": 1.5, "unit": "mg"},
                "effectiveDateTime": "2024-05-01T10:00:00Z",
            },
            "Condition": {"subject": subject, "code": coding},
            "Encounter": {
                "status": "planned",
                "class": {"code": "AMB"},
                "subject": subject,
                "period": {"start": "2024"},
            },
            "Basic": {
                "code": coding,
                "subject": subject,
                "extension": [{"url": "http://e.org/x", "valueDecimal": 1.5}],
            },
            "Binary": {"contentType": "image/png", "data": "AAAA"},
            "ValueSet": {
                **system,
                "compose": {
                    "include": [
                        {"system": SYSTEM, "filter": [{"property": "code", "op": "regex", "value": "a*"}]},
                        {"valueSet": [SYSTEM]},
                    ],
                    "exclude": [{"system": SYSTEM, "concept": [{"code": "b"}]}],
                },
            },
            "CodeSystem": {
                **system,
                "content": "complete",
                "concept": [
                    {"code": "a", "concept": [{"code": "b"}], "property": [{"code": "parent", "valueCode": "b"}]}
                ],
            },
            "ConceptMap": {**system, "group": [{**group, "unmapped": {"mode": "other-map", "url": SYSTEM}}]},
        }
        text = {"status": "generated", "div": '<div xmlns="http://www.w3.org/1999/xhtml">x</div>'}
        more = {"text": text} if kind != "Binary" and self.pick.chance(0.3) else {}
        return {"resourceType": kind, **({"id": id} if id else {}), **more, **parts[kind]}

    def _write(self) -> tuple[str, str, dict[str, str], Any]:
        kind, id = self.pick.choice(KINDS), self.pick.choice(IDS)
        how = self.pick.weighted(("POST", "PUT", "conditional"), (4, 5, 2))
        if how == "POST":
            return "POST", f"/{kind}", {}, self.resource(kind)
        if how == "PUT":
            return "PUT", f"/{kind}/{id}", {}, self.resource(kind, id)
        return self.pick.choice(("PUT", "DELETE")), f"/{kind}?{self._query(kind)}", {}, self.resource(kind)

    def _json_patch(self) -> list[Any]:
        made = []
        for _ in range(self.pick.between(1, 3)):
            path = self.pick.choice(PATHS)
            one = {"op": self.pick.choice(("add", "remove", "replace", "move", "copy", "test")), "path": path}
            made.append({**one, "from": self.pick.choice(PATHS), "value": self.pick.choice(ODD)})
        return made

    def _patch(self) -> tuple[str, str, dict[str, str], Any]:
        target = f"/{self.pick.choice(KINDS[:5])}/{self.pick.choice(IDS)}"
        if self.pick.chance(0.6):
            return "PATCH", target, {"content-type": "application/json-patch+json"}, self._json_patch()
        told = [
            ("type", "valueCode", self.pick.choice(("add", "insert", "delete", "replace", "move"))),
            ("path", "valueString", self.pick.choice(FHIRPATHS)),
            ("name", "valueString", self.pick.choice(("name", "active", "x"))),
            ("value", self.pick.choice(("valueString", "valueHumanName", "valueBoolean")), self.pick.choice(ODD)),
            ("index", "valueInteger", 0),
            ("source", "valueInteger", 0),
            ("destination", "valueInteger", 1),
        ]
        parts = [{"name": name, key: value} for name, key, value in told]
        patch = {"resourceType": "Parameters", "parameter": [{"name": "operation", "part": parts}]}
        return "PATCH", target, {"content-type": "application/fhir+json"}, patch

    def _bundle(self) -> tuple[str, str, dict[str, str], Any]:
        entries = []
        for number in range(self.pick.between(0, 4)):
            method, target, _, document = self.pick.choice(
                (self._write, self._read, self._search, self._patch, self._bundle_in)
            )()
            one: dict[str, Any] = {"fullUrl": f"urn:uuid:{number}", "request": {"method": method, "url": target[1:]}}
            if isinstance(document, dict):
                one["resource"] = document
            if self.pick.chance(0.1):
                one["request"][self.pick.choice(("ifMatch", "ifNoneExist", "ifNoneMatch"))] = self.pick.choice(TOLD)
            entries.append(one)
        kind = self.pick.weighted(("batch", "transaction", "collection"), (5, 5, 1))
        return "POST", "/", {}, {"resourceType": "Bundle", "type": kind, "entry": entries}

    def _bundle_in(self) -> tuple[str, str, dict[str, str], Any]:
        subject = {"reference": f"urn:uuid:{self.pick.below(4)}"}
        return "POST", "/Observation", {}, {**self.resource("Observation"), "subject": subject}

    def _operation(self) -> tuple[str, str, dict[str, str], Any]:
        name = self.pick.choice(tuple(operations()))
        found = operations()[name]
        level = self.pick.choice(sorted(found.levels))
        kind = self.pick.choice(sorted(found.types or KINDS))
        where = {"system": "", "type": f"/{kind}", "instance": f"/{kind}/{self.pick.choice(IDS)}"}[level]
        given = [(one, self.pick.choice(VALUES)) for one in self._some(NAMES)]
        if self.pick.chance(0.4):
            query = "&".join(f"{one}={quote(value)}" for one, value in given)
            return self.pick.choice(("GET", "POST")), f"{where}/${name}?{query}", {}, None
        parts = [{"name": one, "valueString": value} for one, value in given]
        parts += [
            {"name": one, "resource": self.resource(self.pick.choice(KINDS))}
            for one in self._some(("resource", "valueSet", "conceptMap"))
        ]
        parts += [
            {"name": one, "valueCoding": {"system": SYSTEM, "code": "a"}} for one in self._some(("coding", "codingA"))
        ]
        parts += [{"name": "meta", "valueMeta": {"tag": [{"code": "x"}]}}] * self.pick.below(2)
        return "POST", f"{where}/${name}", {}, {"resourceType": "Parameters", "parameter": parts}

    def _some(self, names: Sequence[str]) -> list[str]:
        return self.pick.sample(names, self.pick.below(4))

    # what is done to them

    def spoiled(self, document: Any) -> Any:
        """A copy with one place changed: replaced, removed, doubled, renamed, or nested."""
        if isinstance(document, bytes):
            return document
        if isinstance(document, dict) and document and not self.pick.chance(0.1):
            key = self.pick.choice(tuple(document))
            how = self.pick.weighted(("go on", "replace", "remove", "rename"), (7, 2, 1, 1))
            if how == "go on":
                return {**document, key: self.spoiled(document[key])}
            if how == "replace":
                return {**document, key: self.pick.choice(ODD)}
            rest = {name: value for name, value in document.items() if name != key}
            return (
                rest
                if how == "remove"
                else {**rest, self.pick.choice(("_" + key, key + "x", "", "id", "é")): document[key]}
            )
        if isinstance(document, list) and document and not self.pick.chance(0.1):
            place = self.pick.below(len(document))
            how = self.pick.weighted(("go on", "double", "remove"), (6, 1, 1))
            if how == "go on":
                return [*document[:place], self.spoiled(document[place]), *document[place + 1 :]]
            return document * 2 if how == "double" else document[:place] + document[place + 1 :]
        return self.pick.choice((*ODD, [document], {"a": document}))

    def _spoiled_text(self, text: str) -> str:
        place = self.pick.below(len(text) + 1)
        return (
            text[:place]
            + self.pick.choice(("/", "//", "%00", "\0", "?", "&", "=", "é", "..", "$", ":", "%", "x" * 2000))
            + text[place:]
        )

    def _octets(self, document: Any, headers: dict[str, str]) -> bytes:
        if document is None or isinstance(document, bytes):
            return document or b""
        try:
            body = orjson.dumps(document)
        except TypeError:
            body = b'{"resourceType":"Patient","a":%d}' % 10**30  # more than 64 bits
        if isinstance(document, dict) and self.pick.chance(0.2):
            headers["content-type"] = "application/fhir+xml"
            body = to_xml(document)
        if self.pick.chance(0.1):
            place = self.pick.below(len(body) + 1)
            rest = body[place + self.pick.below(4) :] if self.pick.chance(0.8) else b""
            body = body[:place] + self.pick.choice(NOISE) + rest
        if self.pick.chance(0.02):
            headers["content-encoding"] = "gzip"
            body = gzip.compress(body, mtime=0)
        return body


@pytest.fixture
def grammar() -> Callable[..., Grammar]:
    """`grammar("generic", "memory", 17)`: what draws the request of that name."""
    chance = Chance("fuzz of whole requests")
    return lambda *names: Grammar(chance.stream(*names))
