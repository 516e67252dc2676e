"""Other people's resources go in and come out as they were: US Core's examples, and R4's own where they are at hand.

R4's examples: unpack the standard's `examples-json.zip` and name its folder in `MOCKEHR_R4_EXAMPLES`.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.intake import NOT_STORED, import_path
from mockehr.fhir.lossless import Lexical, parse
from mockehr.fhir.validate import check_structure, too_deep
from mockehr.fhir.xml import from_xml, to_xml
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/a/fhir/R4"
JSON = "application/fhir+json"
XML = "application/fhir+xml"
COLLECTED = ("collection", "transaction", "batch", "searchset", "history")
"""Types of Bundles of which an import keeps the entries."""


def empty() -> Site:
    return build_site(SiteOptions("a", stepped=True, open_access=True))


def ask(site: Site, request: str, body: bytes = b"", media: str = JSON, accept: str = JSON) -> tuple[int, bytes]:
    method, _, path = request.partition(" ")
    headers = {"content-type": media, "accept": accept}
    exchange = site.handle(Exchange("fhir", method, path, "", headers, body, base_url=BASE))
    assert exchange.reply is not None
    return exchange.reply.status, exchange.reply.body


def told(document: Any) -> Any:
    """A document to compare: decimals by their digits, what the server says of itself in `meta` left out."""
    meta = {key: value for key, value in document.get("meta", {}).items() if key not in ("versionId", "lastUpdated")}
    return lexical({**document, "meta": meta})


def lexical(node: Any) -> Any:
    if isinstance(node, dict):
        return {key: lexical(value) for key, value in node.items()}
    if isinstance(node, list):
        return [lexical(value) for value in node]
    if isinstance(node, bool) or not isinstance(node, (int, float)):
        return node
    return ("number", node.text if isinstance(node, Lexical) else repr(node))


def addressed(document: Any) -> bool:
    """Whether it is a resource that can be put somewhere."""
    return document.get("resourceType", "Parameters") not in NOT_STORED and "id" in document


def us_core(shared_data: Path) -> Iterator[tuple[str, bytes, Any]]:
    for file in sorted((shared_data / "us-core-6.1.0" / "example").glob("*.json")):
        octets = file.read_bytes()
        yield file.name, octets, parse(octets)


@pytest.fixture
def r4_examples() -> list[Path]:
    folder = os.environ.get("MOCKEHR_R4_EXAMPLES", "")
    if not folder:
        pytest.skip("MOCKEHR_R4_EXAMPLES does not name the folder of R4's examples")
    return sorted(Path(folder).glob("*.json"))


def test_us_core_examples_are_imported_to_the_octet_and_are_valid(shared_data: Path) -> None:
    compared = 0
    for name, octets, document in us_core(shared_data):
        site = empty()
        intake = import_path(site.store, shared_data / "us-core-6.1.0" / "example" / name)
        assert intake.refused == [], name
        assert [issue for issue in check_structure(document) if issue.fails] == [], name
        if document["resourceType"] == "Bundle" and document["type"] in COLLECTED:
            continue
        assert ask(site, f"GET /{document['resourceType']}/{document['id']}") == (200, octets.strip()), name
        compared += 1
    assert compared > 150


def test_us_core_examples_are_put_and_read_as_they_are(shared_data: Path) -> None:
    site = empty()
    for name, octets, document in us_core(shared_data):
        address = f"/{document['resourceType']}/{document['id']}"
        assert ask(site, f"PUT {address}", octets)[0] == 201, name
        status, read = ask(site, f"GET {address}")
        assert (status, told(parse(read))) == (200, told(document)), name


def test_us_core_examples_go_through_xml_and_back_without_loss(shared_data: Path) -> None:
    first, second = empty(), empty()
    for name, octets, document in us_core(shared_data):
        address = f"/{document['resourceType']}/{document['id']}"
        ask(first, f"PUT {address}", octets)
        status, written = ask(first, f"GET {address}", accept=XML)
        assert status == 200, name
        assert ask(second, f"PUT {address}", written, media=XML)[0] == 201, name
        status, read = ask(second, f"GET {address}")
        assert (status, told(parse(read))) == (200, told(document)), name


def test_r4_examples_are_put_and_read_as_they_are(r4_examples: list[Path]) -> None:
    site, lost, refused, count = empty(), [], [], 0
    for file in r4_examples:
        octets = file.read_bytes()
        document = parse(octets)
        if not addressed(document):
            continue
        address = f"/{document['resourceType']}/{document['id']}"
        status, body = ask(site, f"PUT {address}", octets)
        assert status < 500, file.name
        if status >= 400:
            refused.append(f"{file.name}: {body.decode()[:300]}")
            continue
        count += 1
        status, read = ask(site, f"GET {address}")
        if (status, told(parse(read))) != (200, told(document)):
            lost.append(file.name)
    assert not lost
    assert len(refused) < 0.02 * count, (count, refused)
    print(count, "written,", len(refused), "refused:", *refused, sep="\n")


def test_r4_examples_go_through_xml_and_back_without_loss(r4_examples: list[Path]) -> None:
    lost, count = [], 0
    for file in r4_examples:
        document = parse(file.read_bytes())
        if (
            "resourceType" not in document
            or too_deep(document)
            or [issue for issue in check_structure(document) if issue.fails]
        ):
            continue
        count += 1
        if told(from_xml(to_xml(document))) != told(document):
            lost.append(file.name)
    assert count > 0
    assert not lost
