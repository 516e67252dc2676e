"""The contract machine passes on a site that keeps its word, and finds each way of breaking it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from mockehr.core.errors import UsageError
from mockehr.personalities.load import ehr_names
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site
from mockehr.testing.contract import Answer, Contract, Door, contract, door_of

BOUNDED = settings(
    max_examples=25,
    stateful_step_count=20,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
PLANTED = settings(BOUNDED, max_examples=60, phases=(Phase.generate,))  # shrinking is not what is tested here


def generic() -> Door:
    return door_of(build_site(SiteOptions("generic", patients=20, stepped=True, open_access=True)))


def test_the_generic_site_keeps_its_word() -> None:
    run_state_machine_as_test(contract(generic), settings=BOUNDED)


def shown(site: Site, count: int = 3) -> list[str]:
    assert site.charts is not None
    return [site.charts.patient_id(index) for index in range(count)]


LISTINGS = {"oracle": "/Patient?birthdate=gt1900-01-01"}
"""Where several ids at once are not how patients are listed."""
ABSENT = {"nextgen": (400, 404), "athena_flex": (400, 404)}
BRIEF = settings(BOUNDED, max_examples=2, phases=(Phase.generate,))
OFTEN = ("epic", "oracle")


@pytest.mark.parametrize("vendor", [name for name in ehr_names() if name != "generic"])
def test_vendors_keep_what_their_statements_claim(vendor: str) -> None:
    own = {"search": {"lag": 0}} if vendor == "healthlake" else {}  # what is just written would not be found
    options = SiteOptions(vendor, personality=vendor, patients=20, stepped=True, open_access=True, settings=own)
    listing = LISTINGS.get(vendor) or f"/Patient?_id={','.join(shown(build_site(options)))}"
    machine = contract(
        lambda: door_of(build_site(options)),
        picky=True,
        outcomes=False,
        roster=listing + "&_count=3",
        absent=ABSENT.get(vendor, (404, 410)),
        exact=vendor != "epic",
    )
    wanted = settings(BOUNDED, max_examples=10) if vendor in OFTEN else BRIEF
    run_state_machine_as_test(machine, settings=wanted)


Bend = Callable[[str, str, Answer], Answer]


def bent(bend: Bend) -> type[Contract]:
    """A machine for the generic site with one thing about its answers changed."""

    def door() -> Door:
        true = generic()

        def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
            return bend(method, url, true.send(method, url, headers, body))

        return Door(true.base_url, send)

    return contract(door)


def fails_on_reads(method: str, url: str, answer: Answer) -> Answer:
    return Answer(500, answer.headers, answer.body) if "/Patient/" in url and method == "GET" else answer


def mislabels(method: str, url: str, answer: Answer) -> Answer:
    return Answer(answer.status, {**answer.headers, "content-type": "text/html"}, answer.body)


def forgets_creates(method: str, url: str, answer: Answer) -> Answer:
    if method == "GET" and "_id=w" in url:
        bundle = {"resourceType": "Bundle", "type": "searchset", "total": 0}
        return Answer(200, answer.headers, orjson.dumps(bundle))
    return answer


def breaks_next(method: str, url: str, answer: Answer) -> Answer:
    return Answer(answer.status, answer.headers, answer.body.replace(b"_page=", b"_page=x"))


def accepts_deletes(method: str, url: str, answer: Answer) -> Answer:
    headers = {"content-type": "application/fhir+json"}
    return Answer(200, headers, b'{"resourceType":"Patient","id":"x"}') if answer.status == 410 else answer


def forgets_history(method: str, url: str, answer: Answer) -> Answer:
    if not url.endswith("/_history"):
        return answer
    bundle = answer.document
    bundle["entry"][0]["resource"]["language"] = "tlh"
    return Answer(answer.status, answer.headers, orjson.dumps(bundle))


def refuses_without_a_word(method: str, url: str, answer: Answer) -> Answer:
    return Answer(answer.status) if answer.status >= 400 else answer


def accepts_failed_patches(method: str, url: str, answer: Answer) -> Answer:
    return Answer(200, answer.headers, answer.body) if method == "PATCH" else answer


def leaves_references_unresolved(method: str, url: str, answer: Answer) -> Answer:
    if method != "GET" or "/Basic/" not in url:
        return answer
    body = answer.document | {"subject": {"reference": "urn:uuid:00000000-0000-4000-8000-00000000000a"}}
    return Answer(answer.status, answer.headers, orjson.dumps(body))


@pytest.mark.parametrize(
    ("bend", "told"),
    [
        (fails_on_reads, ": 500 "),
        (mislabels, "content type 'text/html'"),
        (forgets_creates, r"finds"),
        (breaks_next, "_page=x"),
        (accepts_deletes, "was deleted and reads 200"),
        (forgets_history, "does not begin with the current version"),
        (refuses_without_a_word, ": 4.. "),
        (accepts_failed_patches, r"PATCH .*: 200 "),
        (leaves_references_unresolved, "the reference leads to"),
    ],
)
def test_a_broken_word_is_found(bend: Bend, told: str) -> None:
    with pytest.raises(AssertionError, match=told):
        run_state_machine_as_test(bent(bend), settings=PLANTED)


def files_otherwise(name: str, *, exact: bool) -> type[Contract]:
    """A machine for a site that files another value of one element of whoever is created."""

    def door() -> Door:
        true = generic()

        def send(method: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
            if method == "POST" and url.endswith("/Patient"):
                with suppress(orjson.JSONDecodeError, TypeError):  # rubbish is passed on as it is
                    body = orjson.dumps(orjson.loads(body) | {name: "1900-01-01"})
            return true.send(method, url, headers, body)

        return Door(true.base_url, send)

    return contract(door, exact=exact)


@pytest.mark.parametrize(("name", "exact"), [("language", True), ("birthDate", True), ("birthDate", False)])
def test_what_is_filed_otherwise_is_found(name: str, exact: bool) -> None:
    with pytest.raises(AssertionError, match="what was created reads differently"):
        run_state_machine_as_test(files_otherwise(name, exact=exact), settings=PLANTED)


def test_who_files_in_a_form_of_their_own_may_change_the_rest() -> None:
    run_state_machine_as_test(files_otherwise("language", exact=False), settings=BOUNDED)


@pytest.mark.parametrize("kept", [{"reference": "Patient/2"}, {}, {"identifier": {"value": "1"}}])
def test_whose_it_is_stays_in_any_form(kept: dict[str, Any]) -> None:
    machine = contract(generic, exact=False)()
    sent = {"resourceType": "Goal", "subject": {"reference": "Patient/1", "display": "A"}}
    machine.check_kept(sent, {"resourceType": "Goal", "subject": {"reference": "Patient/1"}, "note": []})
    with pytest.raises(AssertionError, match="reads differently"):
        machine.check_kept(sent, {"resourceType": "Goal", "subject": kept})


def test_a_machine_without_a_door_says_so() -> None:
    with pytest.raises(UsageError, match=r"override door\(\)"):
        run_state_machine_as_test(Contract, settings=PLANTED)
