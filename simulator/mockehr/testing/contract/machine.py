"""The state machine. Everything it does is claimed by the server's own CapabilityStatement; everything it checks
follows from that claim and from FHIR R4 http.html and search.html."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, ClassVar, Final
from urllib.parse import urlencode

import orjson
from hypothesis import assume
from hypothesis import strategies as st
from hypothesis.stateful import Bundle, RuleBasedStateMachine, initialize, multiple, rule

from mockehr.core.errors import UsageError
from mockehr.testing.contract.claims import FOREIGN_TYPES, METHODS, VALUES, TypeClaim, read_claims
from mockehr.testing.contract.door import Answer, Door

JSON = dict[str, Any]
MEDIA: Final = "application/fhir+json"
BEFORE_R4: Final = "application/json+fhir"
"""What FHIR in JSON was called before; some vendors call it so still."""
KEPT: Final[tuple[str, ...]] = ("resourceType", "status", "gender", "birthDate", "subject", "patient")
"""What of a resource no form of a vendor's own may change."""
PAGES: Final = 40
"""How many pages a search is followed for."""


class Contract(RuleBasedStateMachine):
    """Drives one server per run. Subclass it and give `door`, or let `contract(make_door)` do that.

    `picky` allows the server to refuse a claimed search with 4xx and an OperationOutcome (vendors that want
    combinations of parameters). `outcomes` wants an OperationOutcome in every refusal; some vendors send HTML or
    nothing. `roster` is a search that shows some patients to begin with.
    """

    picky: ClassVar[bool] = False
    outcomes: ClassVar[bool] = True
    exact: ClassVar[bool] = True
    """What is created reads as it was sent; some vendors file it in a form of their own, which leaves only what it
    is, whose it is and its status (`KEPT`)."""
    absent: ClassVar[tuple[int, ...]] = (404, 410)
    """How a read of what never was is answered; some vendors say 400."""
    roster: ClassVar[str] = "/Patient?_count=3"
    known = Bundle("known")
    """(type, id) of resources that the server has shown."""

    def door(self) -> Door:
        """The server to be tested, fresh for each run. Raises UsageError unless a subclass gives one."""
        raise UsageError("The contract has no server to test.", remedy="Use contract(make_door), or override door().")

    @initialize(target=known)
    def meet(self) -> Any:
        """Read the statement, and some patients."""
        self.server = self.door()
        self.gone: set[tuple[str, str]] = set()
        answer = self.ask("GET", "/metadata")
        assert answer.status == 200, self.say(answer)
        assert answer.document.get("resourceType") == "CapabilityStatement", self.say(answer)
        assert answer.document.get("fhirVersion", "").startswith("4."), self.say(answer)
        self.claims = read_claims(answer.document)
        self.system = {one.get("code") for one in answer.document["rest"][0].get("interaction", [])}
        assert self.claims, "the statement claims nothing"
        found = self.matches(self.ask("GET", self.roster), "Patient") if "Patient" in self.claims else []
        return multiple(*(("Patient", one["id"]) for one in found))

    # what is claimed

    @rule(data=st.data(), target=known)
    def search(self, data: st.DataObject) -> Any:
        """A search with up to two claimed parameters is answered with a Bundle of that type alone."""
        kind, claim = self.claimed(data, "search-type")
        usable = sorted(name for name, form in claim.parameters.items() if form in VALUES)
        names = data.draw(st.lists(st.sampled_from(usable), max_size=2, unique=True)) if usable else []
        pairs = [(name, data.draw(VALUES[claim.parameters[name]])) for name in names]
        answer = self.ask("GET", f"/{kind}?{urlencode([*pairs, ('_count', '5')])}")
        if self.picky and 400 <= answer.status < 500:
            return multiple()
        found = self.matches(answer, kind)
        following = self.link(answer, "next")
        if following:
            self.matches(self.ask("GET", following), kind)
        return multiple(*((kind, one["id"]) for one in found[:2]))

    @rule(data=st.data(), patient=known, target=known)
    def search_chart(self, data: st.DataObject, patient: tuple[str, str]) -> Any:
        """A patient's resources of a type are that patient's."""
        assume(patient[0] == "Patient")
        kind, claim = self.claimed(data, "search-type")
        assume("patient" in claim.parameters)
        answer = self.ask("GET", f"/{kind}?patient={patient[1]}&_count=5")
        if self.picky and 400 <= answer.status < 500:
            return multiple()
        found = self.matches(answer, kind)
        for one in found:
            assert f'Patient/{patient[1]}"' in orjson.dumps(one).decode(), f"{kind}/{one['id']} names another patient"
        return multiple(*((kind, one["id"]) for one in found[:2]))

    @rule(key=known)
    def read(self, key: tuple[str, str]) -> None:
        """What was shown can be read, under the id it was shown with; its version can be read too."""
        kind, id = key
        assume("read" in self.claims[kind].interactions)
        answer = self.fetched(kind, id)
        version = answer.document.get("meta", {}).get("versionId")
        etag = answer.headers.get("etag", "")
        assert not etag or not version or etag == f'W/"{version}"', f"ETag {etag}, meta.versionId {version}"
        if version and "vread" in self.claims[kind].interactions:
            past = self.ask("GET", f"/{kind}/{id}/_history/{version}")
            assert past.status == 200, self.say(past)
            assert past.document == answer.document, "the current version reads differently as a version"

    @rule(key=known)
    def find_by_id(self, key: tuple[str, str]) -> None:
        """A search by `_id` finds exactly what a read shows."""
        kind, id = key
        claim = self.claims[kind]
        assume("search-type" in claim.interactions and "_id" in claim.parameters and key not in self.gone)
        answer = self.ask("GET", f"/{kind}?_id={id}")
        if self.picky and 400 <= answer.status < 500:
            return
        found = self.matches(answer, kind)
        assert [one["id"] for one in found] == [id], f"_id={id} finds {[one['id'] for one in found]}"
        if "read" in claim.interactions:
            assert found[0] == self.fetched(kind, id).document, f"{kind}/{id}: read and search differ"

    @rule(key=known, target=known)
    def create(self, key: tuple[str, str]) -> tuple[str, str]:
        """A copy of what the server showed can be created, is read back as sent, and is found."""
        kind, id = key
        claim = self.claims[kind]
        assume({"create", "read"} <= claim.interactions)
        sent = {name: value for name, value in self.fetched(kind, id).document.items() if name not in ("id", "meta")}
        answer = self.ask("POST", f"/{kind}", orjson.dumps(sent))
        assert answer.status == 201, self.say(answer)
        made = self.id_in(answer, kind)
        assert made != id, "the server reused an id"
        kept = self.fetched(kind, made).document
        self.check_kept(sent, kept)
        self.check_found(kind, made, kept)
        return kind, made

    @rule(key=known, language=st.sampled_from(("en", "de", "es")))
    def update(self, key: tuple[str, str], language: str) -> None:
        """An update makes a new version, is read back, and leaves the version before as it was."""
        kind, id = key
        claim = self.claims[kind]
        assume({"update", "read"} <= claim.interactions)
        before = self.fetched(kind, id)
        tag = before.headers.get("etag", "")
        body = before.document | {"language": language}
        answer = self.ask("PUT", f"/{kind}/{id}", orjson.dumps(body), {"if-match": tag} if tag else {})
        assert answer.status == 200, self.say(answer)
        after = self.fetched(kind, id).document
        assert after.get("language") == language, f"{kind}/{id} kept {after.get('language')!r}"
        old, new = (one.get("meta", {}).get("versionId") for one in (before.document, after))
        assert not old or old != new, f"{kind}/{id} is still version {old}"
        if old and "vread" in claim.interactions:
            past = self.ask("GET", f"/{kind}/{id}/_history/{old}")
            assert past.status == 200, self.say(past)
            assert past.document == before.document, f"version {old} of {kind}/{id} has changed"
        if tag:
            late = self.ask("PUT", f"/{kind}/{id}", orjson.dumps(body), {"if-match": tag})
            assert late.status in (409, 412), f"If-Match {tag} of an older version: {self.say(late)}"

    @rule(key=known, language=st.sampled_from(("en", "de", "es")))
    def patch(self, key: tuple[str, str], language: str) -> None:
        """A JSON Patch changes what it names and nothing else; one whose test fails changes nothing."""
        kind, id = key
        assume({"patch", "read"} <= self.claims[kind].interactions)
        before = self.fetched(kind, id)
        tag = before.headers.get("etag", "")
        extra = {"content-type": "application/json-patch+json"} | ({"if-match": tag} if tag else {})
        wrong = [{"op": "test", "path": "/resourceType", "value": "Nothing"}, {"op": "remove", "path": "/id"}]
        refused = self.ask("PATCH", f"/{kind}/{id}", orjson.dumps(wrong), extra)
        assert 400 <= refused.status < 500, self.say(refused)
        assert self.fetched(kind, id).document == before.document, f"a refused patch changed {kind}/{id}"
        operations = [{"op": "add", "path": "/language", "value": language}]
        answer = self.ask("PATCH", f"/{kind}/{id}", orjson.dumps(operations), extra)
        if self.picky and 400 <= answer.status < 500:
            return
        assert answer.status in (200, 204), self.say(answer)
        after = self.fetched(kind, id).document
        left = {name: value for name, value in after.items() if name != "meta"}
        wanted = {name: value for name, value in before.document.items() if name != "meta"} | {"language": language}
        assert left == wanted, f"{kind}/{id} was changed beyond the patch"

    @rule(key=known, good=st.booleans(), target=known)
    def transact(self, key: tuple[str, str], good: bool) -> Any:
        """A transaction creates all that it names, references among them resolved, or nothing."""
        kind, id = key
        assume("transaction" in self.system and {"create", "read"} <= self.claims[kind].interactions)
        assume("Basic" in self.claims and "create" in self.claims["Basic"].interactions)
        copy = {name: value for name, value in self.fetched(kind, id).document.items() if name not in ("id", "meta")}
        url, link = "urn:uuid:00000000-0000-4000-8000-00000000000a", "urn:uuid:00000000-0000-4000-8000-00000000000b"
        other = {"resourceType": "Basic", "code": {"text": "about"}, "subject": {"reference": url}}
        last = {"resource": other} if good else {"resource": {"resourceType": "Nothing"}}
        entries = [
            {"fullUrl": url, "resource": copy, "request": {"method": "POST", "url": kind}},
            {"fullUrl": link, **last, "request": {"method": "POST", "url": "Basic"}},
        ]
        bundle = {"resourceType": "Bundle", "type": "transaction", "entry": entries}
        answer = self.ask("POST", "/", orjson.dumps(bundle))
        if not good:
            assert 400 <= answer.status < 500, self.say(answer)
            return multiple()
        assert answer.status == 200, self.say(answer)
        places = [
            one["response"]["location"].split("/_history")[0].split("/")[-2:] for one in answer.document["entry"]
        ]
        told = self.fetched(places[1][0], places[1][1]).document
        assert told["subject"]["reference"] == "/".join(places[0]), f"the reference leads to {told['subject']}"
        return multiple(*((name, made) for name, made in places[:1]))

    @rule(key=known)
    def tell_history(self, key: tuple[str, str]) -> None:
        """A history begins with the version that a read shows."""
        kind, id = key
        assume({"history-instance", "read"} <= self.claims[kind].interactions)
        now = self.fetched(kind, id).document
        answer = self.ask("GET", f"/{kind}/{id}/_history")
        assert answer.status == 200, self.say(answer)
        assert answer.document.get("type") == "history", self.say(answer)
        newest = answer.document["entry"][0]
        assert newest["resource"] == now, f"the history of {kind}/{id} does not begin with the current version"
        assert newest["request"]["method"] in ("POST", "PUT"), self.say(answer)

    @rule(key=known)
    def delete(self, key: tuple[str, str]) -> None:
        """What is deleted cannot be read any more, nor found."""
        kind, id = key
        claim = self.claims[kind]
        assume({"delete", "read"} <= claim.interactions)
        self.fetched(kind, id)
        answer = self.ask("DELETE", f"/{kind}/{id}")
        assert answer.status in (200, 202, 204), self.say(answer)
        self.gone.add(key)
        read = self.ask("GET", f"/{kind}/{id}")
        assert read.status in (404, 410), f"{kind}/{id} was deleted and reads {read.status}"
        if "search-type" in claim.interactions and "_id" in claim.parameters and not self.picky:
            assert not self.matches(self.ask("GET", f"/{kind}?_id={id}"), kind), (
                f"{kind}/{id} was deleted and is found"
            )

    # what is not

    @rule(data=st.data())
    def read_what_is_not_there(self, data: st.DataObject) -> None:
        """An id that was never given is 404 (or 410), and says so in an OperationOutcome."""
        kind, _ = self.claimed(data, "read")
        answer = self.ask("GET", f"/{kind}/{data.draw(st.sampled_from(('never-given', '0' * 64, 'a.b')))}")
        assert answer.status in self.absent, self.say(answer)

    @rule(kind=st.sampled_from(FOREIGN_TYPES), id=st.sampled_from(("", "/1")))
    def ask_for_an_unclaimed_type(self, kind: str, id: str) -> None:
        """A type that is not claimed is refused."""
        assume(kind not in self.claims)
        answer = self.ask("GET", f"/{kind}{id}")
        assert 400 <= answer.status < 500, self.say(answer)

    @rule(key=known, name=st.sampled_from(tuple(METHODS)))
    def ask_for_an_unclaimed_interaction(self, key: tuple[str, str], name: str) -> None:
        """An interaction that is not claimed is refused and changes nothing."""
        kind, id = key
        claim = self.claims[kind]
        assume(name not in claim.interactions and "read" in claim.interactions)
        before = self.fetched(kind, id)
        answer = self.ask(METHODS[name], f"/{kind}/{id}", before.body)
        assert 400 <= answer.status < 500, self.say(answer)
        assert self.fetched(kind, id).document == before.document, f"a refused {name} changed {kind}/{id}"

    @rule(data=st.data(), body=st.sampled_from((b"", b"{", b"[]", b'"x"', b'{"resourceType":"Nothing"}', b"\xff")))
    def create_rubbish(self, data: st.DataObject, body: bytes) -> None:
        """A body that is no resource of the type is refused."""
        kind, _ = self.claimed(data, "create")
        answer = self.ask("POST", f"/{kind}", body)
        assert 400 <= answer.status < 500, self.say(answer)

    @rule(data=st.data(), value=st.text(st.characters(codec="utf-8"), max_size=8))
    def search_rubbish(self, data: st.DataObject, value: str) -> None:
        """Whatever is written after a claimed parameter gives an answer or a refusal, never a failure."""
        kind, claim = self.claimed(data, "search-type")
        assume(claim.parameters)
        name = data.draw(st.sampled_from(sorted(claim.parameters)))
        self.ask("GET", f"/{kind}?{urlencode([(name, value), ('_count', '2')])}")

    # how it is asked and checked

    def ask(self, method: str, target: str, body: bytes = b"", headers: JSON | None = None) -> Answer:
        """Send a request; what holds for every answer is checked here: no 5xx, and its content type and outcome."""
        url = target if "://" in target else self.server.base_url + target
        sent = {"content-type": MEDIA} if method in ("POST", "PUT") else {}
        extra = {"accept": MEDIA} | sent | (headers or {})
        self.asked = f"{method} {url}"
        answer = self.server.send(method, url, extra, body)
        assert answer.status < 500, self.say(answer)
        if answer.status >= 400 and not self.outcomes:
            return answer
        if answer.body:
            media = answer.headers.get("content-type", "").partition(";")[0].strip()
            assert media in (MEDIA, "application/json", BEFORE_R4), f"{self.asked}: content type {media!r}"
            assert answer.document, self.say(answer)
        if answer.status >= 400:
            assert answer.document.get("resourceType") == "OperationOutcome", self.say(answer)
            assert answer.document.get("issue"), self.say(answer)
        return answer

    def say(self, answer: Answer) -> str:
        """The last request and its answer, for a failure."""
        return f"{self.asked}: {answer.status} {answer.body[:400].decode('utf-8', 'replace')}"

    def claimed(self, data: st.DataObject, interaction: str) -> tuple[str, TypeClaim]:
        """A type of which that interaction is claimed."""
        kinds = sorted(kind for kind, claim in self.claims.items() if interaction in claim.interactions)
        assume(kinds)
        kind = data.draw(st.sampled_from(kinds), label="type")
        return kind, self.claims[kind]

    def fetched(self, kind: str, id: str) -> Answer:
        """The answer to a read that has to succeed."""
        assume((kind, id) not in self.gone)
        answer = self.ask("GET", f"/{kind}/{id}")
        assert answer.status == 200, self.say(answer)
        shown = (answer.document.get("resourceType"), answer.document.get("id"))
        assert shown == (kind, id), f"a read of {kind}/{id} shows {shown[0]}/{shown[1]}"
        return answer

    def matches(self, answer: Answer, kind: str) -> list[JSON]:
        """The matches of a searchset that holds together; checks its type, its entries, its total and its links."""
        assert answer.status == 200, self.say(answer)
        bundle = answer.document
        assert (bundle.get("resourceType"), bundle.get("type")) == ("Bundle", "searchset"), self.say(answer)
        entries = bundle.get("entry", [])
        found = [e["resource"] for e in entries if e.get("search", {}).get("mode", "match") == "match"]
        for entry in entries:
            shown = entry["resource"]
            if "id" in shown and "fullUrl" in entry:
                ends = f"/{shown['resourceType']}/{shown['id']}"
                assert entry["fullUrl"].endswith(ends) or entry["fullUrl"].startswith("urn:"), entry["fullUrl"]
        assert all(one["resourceType"] == kind for one in found), self.say(answer)
        ids = [one["id"] for one in found]
        assert len(ids) == len(set(ids)), f"{self.asked}: a page shows {ids}"
        assert bundle.get("total", len(found)) >= len(found), (
            f"{self.asked}: total {bundle['total']}, {len(found)} shown"
        )
        return found

    def link(self, answer: Answer, relation: str) -> str:
        """The URL of a link of a Bundle, or the empty string."""
        links = answer.document.get("link", ())
        return next((str(one["url"]) for one in links if one["relation"] == relation), "")

    def id_in(self, answer: Answer, kind: str) -> str:
        """The id that a create was answered with, from `Location`."""
        location = answer.headers.get("location", "")
        _, found, rest = location.rpartition(f"/{kind}/")
        assert found, f"{self.asked}: Location is {location!r}"
        return rest.split("/")[0]

    def walked(self, target: str, kind: str) -> Iterator[JSON]:
        """All matches of a search, page by page."""
        for _ in range(PAGES):
            answer = self.ask("GET", target)
            yield from self.matches(answer, kind)
            target = self.link(answer, "next")
            if not target:
                return

    def check_kept(self, sent: JSON, kept: JSON) -> None:
        """What was created reads as it was sent, or has at least kept what it is and whose."""
        if self.exact:
            names = (sent.keys() | kept.keys()) - {"id", "meta", "text"}
            told, read = ({name: one[name] for name in names if name in one} for one in (sent, kept))
        else:
            told, read = ({name: _meant(one[name]) for name in KEPT if name in one} for one in (sent, kept))
        assert read == told, "what was created reads differently"

    def check_found(self, kind: str, id: str, document: JSON) -> None:
        """What was written is found by its id, its identifier and its patient, where the statement claims that."""
        claim = self.claims[kind]
        if "search-type" not in claim.interactions:
            return
        queries = {"_id": id}
        for one in document.get("identifier", [])[:1] if isinstance(document.get("identifier"), list) else []:
            if one.get("system") and one.get("value"):
                queries["identifier"] = f"{one['system']}|{one['value']}"
        patient = (document.get("subject") or document.get("patient") or {}).get("reference", "")
        if patient.startswith("Patient/"):
            queries["patient"] = patient
        for name, value in queries.items():
            if name in claim.parameters:
                target = f"/{kind}?{urlencode([(name, value), ('_count', '50')])}"
                if self.picky and 400 <= self.ask("GET", target).status < 500:
                    continue
                ids = [found["id"] for found in self.walked(target, kind)]
                assert id in ids, f"{kind}/{id} was created and {name}={value} finds only {ids[:10]}"


def _meant(value: Any) -> Any:
    """A value; of a reference only what it refers to."""
    return value["reference"] if isinstance(value, dict) and "reference" in value else value


def contract(
    make_door: Callable[[], Door],
    *,
    picky: bool = False,
    outcomes: bool = True,
    roster: str = Contract.roster,
    absent: tuple[int, ...] = Contract.absent,
    exact: bool = Contract.exact,
) -> type[Contract]:
    """A machine for the server behind `make_door`, which is called once a run and should give a fresh one.

    `TestMySite = contract(lambda: door_of(build_site(...))).TestCase` is a test; settings go on
    `TestMySite.settings`. Subclass the result to add rules.
    """

    class Held(Contract):
        """The contract, for this server."""

        def door(self) -> Door:
            return make_door()

    Held.picky = picky
    Held.outcomes = outcomes
    Held.roster = roster
    Held.absent = absent
    Held.exact = exact
    return Held
