"""Other people's resources go in and come out as they were: US Core's examples, and R4's own.

R4's examples come from the npm package `hl7.fhir.r4.examples` (CC0 1.0), some 700 instances. The environment variable
`MOCKEHR_R4_EXAMPLES` names a folder with them, if they are there already; then the definitions among them are tested
as well (5000 more, a minute).
"""

from __future__ import annotations

import os
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mockehr.core.exchange import Exchange
from mockehr.fhir.intake import NOT_STORED, WHOLE, import_path
from mockehr.fhir.lossless import Lexical, parse
from mockehr.fhir.validate import check_structure, too_deep
from mockehr.fhir.xml import from_xml, to_xml
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://a.example.org/a/fhir/R4"
JSON = "application/fhir+json"
XML = "application/fhir+xml"
PACKAGE = "hl7.fhir.r4.examples@4.0.1"
DEFINITIONS = frozenset(
    {
        "CapabilityStatement",
        "CodeSystem",
        "CompartmentDefinition",
        "ConceptMap",
        "OperationDefinition",
        "SearchParameter",
        "StructureDefinition",
        "ValueSet",
        "package.json",
    }
)
LARGEST = 2 << 20
"""Octets of an example; the larger ones are Bundles of definitions."""
FAULTY = frozenset(
    {
        "ActivityDefinition-blood-tubes-supply",  # a narrative without content
        "ActivityDefinition-heart-valve-replacement",
        "EventDefinition-example",
        "Questionnaire-zika-virus-exposure-assessment",
        "DeviceMetric-example",  # references to types that are not allowed there
        "DeviceUseStatement-example",
        "MedicationRequest-medrx0301",
        "Observation-clinical-gender",
        "Bundle-dataelements",  # a fullUrl comes twice
        "Questionnaire-qs1",  # an item without linkId
        "ImplementationGuide-fhir",  # neither name nor status
        "ig-r4",
        "Bundle-resources",  # 35 MB
    }
)
"""Examples that break the standard's own rules; a server refuses them."""


def empty() -> Site:
    # A Subscription that is honoured changes when its end has come: here all resources stay as they are.
    told = {"events": {"subscriptions": []}}
    return build_site(SiteOptions("a", stepped=True, open_access=True, settings=told))


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


def fetched(folder: Path) -> Path:
    """The unpacked package; fetched once, whichever of several processes is first."""
    place = folder / "r4-examples"
    if place.is_dir():
        return place
    draft = Path(tempfile.mkdtemp(dir=folder))
    command = ["npm", "pack", "--silent", "--pack-destination", str(draft), PACKAGE]
    done = subprocess.run(command, capture_output=True, text=True, timeout=180, check=False, cwd=draft)
    assert done.returncode == 0, done.stderr
    with tarfile.open(next(draft.glob("*.tgz"))) as archive:
        archive.extractall(draft, filter="data")
    try:
        (draft / "package").rename(place)
    except OSError:  # another process was first
        assert place.is_dir()
    shutil.rmtree(draft)
    return place


@pytest.fixture(scope="session")
def r4_examples(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    told = os.environ.get("MOCKEHR_R4_EXAMPLES", "")
    if not told and shutil.which("npm") is None:
        pytest.skip("R4's examples come by npm, and there is none here; MOCKEHR_R4_EXAMPLES may name their folder")
    # the folder above is common to the processes of one run
    folder = Path(told) if told else fetched(tmp_path_factory.getbasetemp().parent)
    files = sorted(folder.glob("*.json"))
    return files if told else [file for file in files if is_instance(file)]


def is_instance(file: Path) -> bool:
    return file.name.partition("-")[0] not in DEFINITIONS and file.stat().st_size <= LARGEST


def test_us_core_examples_are_imported_to_the_octet_and_are_valid(shared_data: Path) -> None:
    compared = 0
    for name, octets, document in us_core(shared_data):
        site = empty()
        intake = import_path(site.store, shared_data / "us-core-6.1.0" / "example" / name)
        assert intake.refused == [], name
        assert [issue for issue in check_structure(document) if issue.fails] == [], name
        if document["resourceType"] == "Bundle" and document["type"] not in WHOLE:
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


def test_r4_examples_are_imported_to_the_octet(r4_examples: list[Path]) -> None:
    site, compared = empty(), 0
    for file in r4_examples:
        document = parse(file.read_bytes())
        kept_whole = document.get("resourceType") != "Bundle" or document["type"] in WHOLE
        if not addressed(document) or not kept_whole:
            continue
        assert import_path(site.store, file).refused == [], file.name
        request = f"GET /{document['resourceType']}/{document['id']}"
        assert ask(site, request) == (200, file.read_bytes().strip()), file.name
        compared += 1
    assert compared > 600


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
    assert count > 600
    instances = {text.partition(".json")[0]: text for text in refused if text.partition("-")[0] not in DEFINITIONS}
    assert set(instances) <= FAULTY, [text for name, text in instances.items() if name not in FAULTY]
    assert len(refused) - len(instances) < 0.01 * count, refused


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
    assert count > 600
    assert not lost
