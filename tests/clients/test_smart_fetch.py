"""smart-fetch (the bulk client of Boston Children's Hospital) against the running simulator, by its command line.

It exports a Group over Backend Services: kick-off, polling, all files, deletion of the job. What lies in its folder
afterwards is compared with the store, octet by octet. `MOCKEHR_TEST_EXPORT=10000` exports that many patients.
"""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from mockehr.testing.world import TestSite, World

pytest.importorskip("smart_fetch", reason="smart-fetch is not installed")

EXPORTED = int(os.environ.get("MOCKEHR_TEST_EXPORT", "60"))
"""Patients of the Group that is exported."""
FEW = 40
PATIENCE = 60 + EXPORTED // 10
"""Wall seconds for one run of the client."""
SOON = {"at_least": 1, "per_patient": 0, "retry_after": 1}
"""The client sleeps as long as it is told, by the wall clock; no test waits minutes for a vendor's usual pace."""
PATIENTS_TYPES = frozenset(
    {
        "AllergyIntolerance", "Condition", "Device", "DiagnosticReport", "DocumentReference", "Encounter",
        "EpisodeOfCare", "Immunization", "MedicationDispense", "MedicationRequest", "Observation", "Patient",
        "Procedure", "ServiceRequest", "Specimen",
    }
)  # fmt: skip
"""All that it asks for unless told otherwise."""
DEFAULT_CATEGORIES = frozenset(
    ["social-history", "vital-signs", "imaging", "laboratory", "survey", "exam", "procedure", "therapy", "activity"]
)
"""Observations that it asks for unless told otherwise (all servers but Epic's)."""
EPIC_CATEGORIES = DEFAULT_CATEGORIES - {"procedure", "therapy", "activity"}


@dataclass(frozen=True)
class Fetched:
    """What one run of the client left behind."""

    folder: Path
    code: int
    said: str

    def lines(self) -> Iterator[bytes]:
        """Every line of every file of resources."""
        for file in sorted(self.folder.glob("*.ndjson.gz")):
            with gzip.open(file) as opened:
                for line in opened:
                    yield line.rstrip(b"\n")

    def records(self) -> dict[str, bytes]:
        """`Type/id` → octets. Nothing comes twice."""
        found: dict[str, bytes] = {}
        for line in self.lines():
            document = json.loads(line)
            key = f"{document['resourceType']}/{document['id']}"
            assert key not in found, key
            found[key] = line
        return found

    def events(self, kind: str) -> list[dict[str, Any]]:
        """Details of the events of a kind in the client's log of the export."""
        logged = [json.loads(line) for line in (self.folder / "log.ndjson").read_text().splitlines()]
        return [one["eventDetail"] for one in logged if one["eventId"] == kind]


@dataclass(frozen=True)
class Fetcher:
    """The client, registered at one site."""

    site: TestSite
    folder: Path

    def group(self, name: str = "everyone") -> str:
        """The id of a Group."""
        charts = self.site.site.charts
        assert charts is not None
        return charts.groups.id_of(name)

    def fetch(self, *arguments: str) -> Fetched:
        """One run of `smart-fetch bulk`."""
        client = self.site.client()
        keys = self.folder / "keys.jwks"
        keys.write_text(json.dumps({"keys": [dict(client.key) | {"key_ops": ["sign"]}]}))
        target = self.folder / "export"
        command = [
            sys.executable, "-m", "smart_fetch.cli.main", "bulk", str(target), "--fhir-url", client.fhir_url,
            "--smart-client-id", client.client_id, "--smart-key", str(keys), *arguments,
        ]  # fmt: skip
        run = subprocess.run(command, capture_output=True, text=True, timeout=PATIENCE, check=False)
        return Fetched(target, run.returncode, run.stdout + run.stderr)


@pytest.fixture
def fetcher_at(mockehr: World, tmp_path: Path) -> Callable[..., Fetcher]:
    """A site of a vendor on a running clock, and the client."""

    def made(vendor: str = "generic", patients: int = FEW, **bulk: Any) -> Fetcher:
        told: dict[str, Any] = {"bulk": SOON | bulk}
        if vendor == "oracle":  # it asks for `system/X.read`, as clients may who are registered for that there
            told["token"] = {"server": {"scope_dialects": ["v1", "v2", "plain"]}}
        site = mockehr.site(vendor, patients=patients, settings=told)
        return Fetcher(site, tmp_path)

    return made


def stored(fetcher: Fetcher, kinds: set[str], wanted: Callable[[dict[str, Any]], bool] | None = None) -> Any:
    """`Type/id` → octets of all that the store has in the charts of all patients, of these types."""
    store = fetcher.site.site.store
    charts = fetcher.site.site.charts
    assert charts is not None
    return {
        record.key: record.body
        for patient in charts.everyone()
        for kind in kinds
        for record in store.chart(patient, kind)
        if wanted is None or kind != "Observation" or wanted(record.document)
    }


def categories(document: dict[str, Any]) -> set[str]:
    """Codes of an Observation's categories."""
    return {coding.get("code", "") for one in document.get("category", ()) for coding in one.get("coding", ())}


def asked_types(fetched: Fetched) -> set[str]:
    """The types that the client asked for: all that it knows and the server offers."""
    (kicked,) = fetched.events("kickoff")
    return set(kicked["requestParameters"]["_type"].split(","))


def tally(records: dict[str, bytes]) -> Counter[str]:
    """How many there are of each type."""
    return Counter(key.partition("/")[0] for key in records)


@pytest.mark.slow
@pytest.mark.parametrize("vendor", ["generic", "epic", "oracle"])
def test_smart_fetch_gets_every_record_of_a_group(vendor: str, fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at(vendor, EXPORTED)
    arguments = ["--group", fetcher.group(), "--no-default-filters"]
    if vendor == "oracle":  # refuses a request with a type that it does not export
        charted = sorted(set(fetcher.site.site.bulk.settings.types) & PATIENTS_TYPES)
        arguments += ["--type", ",".join(charted)]
    fetched = fetcher.fetch(*arguments)
    assert fetched.code == 0, fetched.said
    truth = stored(fetcher, asked_types(fetched))
    assert len(asked_types(fetched)) >= 9
    records = fetched.records()
    assert tally(records) == tally(truth)
    assert tally(records)["Patient"] == EXPORTED
    assert records == truth
    (done,) = fetched.events("export_complete")
    assert done["resources"] == len(truth)
    assert fetched.events("status_complete")[0]["transactionTime"]
    assert fetcher.site.site.bulk.jobs() == []  # it deletes what it has fetched


def test_smart_fetch_filters_as_it_was_told(fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at()
    fetched = fetcher.fetch(
        "--group", fetcher.group(), "--type", "Patient,Observation,Condition,MedicationRequest",
        "--type-filter", "Condition?clinical-status=active,recurrence",
        "--type-filter", "Condition?category=encounter-diagnosis",
        "--type-filter", "MedicationRequest?status=stopped",
    )  # fmt: skip
    assert fetched.code == 0, fetched.said
    # Its own default for observations is joined with these by commas, and their own commas are written %2C twice.
    (kicked,) = fetched.events("kickoff")
    assert "Observation?category=social-history%2Cvital-signs" in kicked["requestParameters"]["_typeFilter"]
    everything = stored(fetcher, {"Patient", "Observation", "Condition", "MedicationRequest"})
    wanted = {key: octets for key, octets in everything.items() if _passes(json.loads(octets))}
    assert fetched.records() == wanted
    left, kept = tally(everything), tally(wanted)
    assert all(0 < kept[kind] < left[kind] for kind in ("Condition", "MedicationRequest"))


def _passes(document: dict[str, Any]) -> bool:
    """The filters of the test above, by hand."""
    kind = document["resourceType"]
    if kind == "Observation":
        return bool(categories(document) & DEFAULT_CATEGORIES)
    if kind == "MedicationRequest":
        return bool(document["status"] == "stopped")
    if kind == "Condition":
        status = {coding["code"] for coding in document.get("clinicalStatus", {}).get("coding", ())}
        return bool(status & {"active", "recurrence"}) or "encounter-diagnosis" in categories(document)
    return True


def test_smart_fetch_gets_what_was_written_since(fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at()
    site = fetcher.site
    patient = site.patient_ids(limit=1)[0]
    before = datetime.fromtimestamp(site.now - 1, UTC).isoformat()

    def write() -> None:
        for id, kind in (("lately", "create"), ("not-for-long", "create"), ("not-for-long", "delete")):
            note = {"resourceType": "Condition", "id": id, "subject": {"reference": f"Patient/{patient}"}}
            site.site.store.commit(note, kind=kind, source="control", patient=patient)  # type: ignore[arg-type]

    site._call(write)
    fetched = fetcher.fetch("--group", fetcher.group(), "--type", "Condition", "--since", before)
    assert fetched.code == 0, fetched.said
    kicked = fetched.events("kickoff")[0]
    assert kicked["requestParameters"]["_since"] == before
    assert list(fetched.records()) == ["Condition/lately"]
    (file,) = (fetched.folder / "deleted").iterdir()
    bundle = json.loads(gzip.decompress(file.read_bytes()))
    assert [entry["request"] for entry in bundle["entry"]] == [{"method": "DELETE", "url": "Condition/not-for-long"}]


def test_smart_fetch_at_epic_asks_by_dates_since_there_is_no_since(fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at("epic")
    fetched = fetcher.fetch(
        "--group", fetcher.group(), "--type", "Patient,MedicationRequest,Observation", "--since", "2024-01-01"
    )
    assert fetched.code == 0, fetched.said
    asked = fetched.events("kickoff")[0]["requestParameters"]
    assert "_since" not in asked
    assert "MedicationRequest?authoredon=gt2024-01-01" in asked["_typeFilter"]
    truth = stored(fetcher, {"Patient", "MedicationRequest", "Observation"}, _listed_at_epic)
    dated = {"MedicationRequest": "authoredOn", "Observation": "issued"}
    wanted = {
        key: octets
        for key, octets in truth.items()
        if (name := dated.get(key.partition("/")[0])) is None or json.loads(octets).get(name, "") >= "2024-01-02"
    }
    assert "MedicationRequest" in tally(wanted)
    assert len(wanted) < len(truth)
    assert tally(fetched.records()) == tally(wanted)
    assert fetched.records() == wanted


def _listed_at_epic(document: dict[str, Any]) -> bool:
    return bool(categories(document) & EPIC_CATEGORIES)


@pytest.mark.slow
def test_smart_fetch_survives_what_a_careful_client_survives(fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at(patients=EXPORTED)
    site = fetcher.site
    counted = {"every": 4 if EXPORTED < 1000 else 9}
    # Of some requests only one a second is answered; every fifth comes late; the token dies early.
    site.quirk("rate-limit", where={"channel": "files"}, when=counted, budget=1, per=1, status=503)
    site.quirk("latency", where={"channel": "files"}, when={"every": 5}, delay=0.2)
    site.quirk("token-expiry", after=max(1, EXPORTED // 100 - 1))
    fetched = fetcher.fetch("--group", fetcher.group(), "--no-default-filters")
    assert fetched.code == 0, fetched.said
    assert fetched.records() == stored(fetcher, asked_types(fetched))
    answers = Counter(one.reply.status for one in site.journal(channel="files") if one.reply is not None)
    assert answers[503] >= 1
    assert answers[401] >= 1
    assert len(site.journal(channel="token")) >= 2


def test_smart_fetch_tells_what_is_refused(fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at("epic", once_in=86400)
    group = fetcher.group()
    assert fetcher.fetch("--group", group, "--type", "Patient").code == 0
    again = Fetcher(fetcher.site, fetcher.folder / "again")
    again.folder.mkdir()
    refused = again.fetch("--group", group, "--type", "Patient")
    assert refused.code == 1
    (issue,) = refused.events("kickoff")[0]["errorBody"]["issue"]
    assert "requested this Group too recently" in issue["diagnostics"]
    whole = again.fetch("--type", "Patient")  # of the whole system, which Epic does not export
    assert whole.code == 1
    assert "404" in whole.said


def test_smart_fetch_cancels_an_export_that_runs(fetcher_at: Callable[..., Fetcher]) -> None:
    fetcher = fetcher_at()
    site = fetcher.site
    site.quirk("rate-limit", where={"channel": "files", "interaction": "bulk-file"}, budget=1, per=600, status=404)
    broken = fetcher.fetch("--group", fetcher.group(), "--type", "Patient,Condition")
    assert broken.code == 1
    (job,) = site.site.bulk.jobs()
    assert json.loads((broken.folder / ".metadata").read_text())["bulk-status"].endswith(job.id)
    assert fetcher.fetch("--cancel").code == 0
    assert site.site.bulk.jobs() == []
