"""How much of the shape of recorded answers the dressed charts show, by group; refusals field by field.

As a command: `python tests/personalities/test_parity.py epic [--missing N] [--foreign N] [--charts N]`.
"""

from __future__ import annotations

import argparse
import base64
import json
import re
import subprocess
import sys
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "simulator"))

from mockehr.core.chance import Chance  # noqa: E402
from mockehr.core.exchange import Exchange, Reply  # noqa: E402
from mockehr.core.page import SearchPage  # noqa: E402
from mockehr.core.problem import Problem, not_found  # noqa: E402
from mockehr.personalities.envelope import to_bytes  # noqa: E402
from mockehr.personalities.load import load_personality  # noqa: E402
from mockehr.personalities.model import Dresser, Personality, SiteFacts  # noqa: E402
from mockehr.population.chart import draw_chart, staff_of  # noqa: E402
from mockehr.population.population import Population  # noqa: E402
from mockehr.sites.build import build_site  # noqa: E402
from mockehr.sites.directory import channel_of  # noqa: E402
from mockehr.sites.options import SiteOptions  # noqa: E402
from mockehr.sites.site import Site  # noqa: E402
from mockehr.sites.test_client import register_demo_client  # noqa: E402

SHARED = ROOT.parent / "shared"
MEASURE = SHARED / "tools" / "parity.py"
RECORDED = SHARED / "data" / "recorded"
AS_OF = 1_767_571_200.0
VENDORS = ("epic", "meditech", "oracle")
RECORDED_TYPES = frozenset(
    {"AllergyIntolerance", "CarePlan", "CareTeam", "Condition", "DiagnosticReport", "DocumentReference", "Encounter",
     "Goal", "Immunization", "MedicationRequest", "Observation", "Patient", "Procedure", "ServiceRequest"}
)  # fmt: skip
BASE = "https://north.example.org/fhir"


def dress_charts(vendor: str, charts: int) -> tuple[Personality, dict[tuple[int, str], list[dict[str, Any]]]]:
    """The dressed resources of some charts by patient and type."""
    chance = Chance("parity")
    facts = SiteFacts("north", chance.key)
    personality = load_personality(vendor, facts=facts)
    population = Population(chance, 1000, as_of=AS_OF)
    shelves = population.directory.resources
    staff = staff_of(shelves)

    def directory(reference: str) -> dict[str, Any] | None:
        kind, _, id = reference.partition("/")
        shelf = shelves.get(kind, ())
        place = int(id[1:]) if id[:1] == "d" else len(shelf)
        return shelf[place] if place < len(shelf) else None

    ids = personality.ids(facts)
    made: dict[tuple[int, str], list[dict[str, Any]]] = defaultdict(list)
    for index in range(charts):
        chart = draw_chart(chance, population.person(index), staff, as_of=AS_OF)
        dresser = Dresser.over(chart.resources, ids=ids, facts=facts, recorded=chart.recorded, directory=directory)
        for clean in chart.resources:
            for dressed in (personality.dress(clean, dresser), *personality.beside(clean, dresser)):
                made[index, dressed["resourceType"]].append(dressed)
    return personality, made


def searches(
    vendor: str, kind: str, patient: str, resources: list[dict[str, Any]]
) -> Iterator[tuple[str, str, list[dict[str, Any]]]]:
    """(name, query, matches): by patient, or as those of MEDITECH were recorded, observations by category."""
    if vendor != "meditech" or kind != "Observation":
        yield "all", f"{'_id' if kind == 'CareTeam' else 'patient'}={patient}", resources
        return
    shelves: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for one in resources:
        shelves[str(one["category"][0]["coding"][0]["code"])].append(one)
    for category, found in shelves.items():
        yield category, f"patient={patient}&category={category}", found


def write_answers(vendor: str, folder: Path, charts: int = 60) -> None:
    """Searches of every type for some charts, first pages and empty answers, and two errors, as files."""
    personality, made = dress_charts(vendor, charts)
    for (index, kind), resources in made.items():
        if kind not in RECORDED_TYPES:
            continue
        for name, query, found in searches(vendor, kind, made[index, "Patient"][0]["id"], resources):
            # The recordings of this vendor never asked for a number of matches.
            asked = 5 if index % 5 == 0 and vendor != "meditech" else None
            size = personality.rules.page_size(kind, asked) or len(found)
            counted = "" if vendor == "meditech" else f"&_count={size}"
            for start in range(0, len(found), size):
                last = start + size >= len(found)
                page = SearchPage(
                    kind,
                    [(kind, one["id"], to_bytes(one), "match") for one in found[start : start + size]],
                    total=len(found),
                    query=query + counted,
                    next_token="" if last else personality.page_token(f"{kind}?{query}@{index}", start),
                    offset=start,
                    complete=last and not start,
                )
                octets = personality.searchset_bytes(page, BASE)
                (folder / f"{index}-{kind}-{name}-{start}.json").write_bytes(octets)
    errors = [not_found("Patient", "nobody")]
    missing = personality.rules.check("Patient", [("favourite-colour", "red")], lambda name: False)
    for number, problem in enumerate([*errors, *([missing] if isinstance(missing, Problem) else [])]):
        reply = personality.refuse(problem, BASE, "application/json")
        (folder / f"error-{number}.json").write_text(json.dumps(reply.document))


def measure(vendor: str, folder: Path, *options: str) -> str:
    """What the measure says."""
    command = [sys.executable, str(MEASURE), str(RECORDED / vendor), str(folder), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("vendor", "recall", "precision"), [(one, 0.95, 0.93) for one in VENDORS])
def test_dressed_charts_have_the_shape_of_recordings(
    vendor: str, recall: float, precision: float, tmp_path: Path
) -> None:
    if not MEASURE.is_file() or not (RECORDED / vendor).is_dir():
        pytest.skip("the recordings and their measure are not beside this checkout")
    write_answers(vendor, tmp_path, charts=30)
    found = json.loads(measure(vendor, tmp_path, "--json"))
    assert found["recall"] >= recall
    assert found["precision"] >= precision


# refusals, field by field

BASES = {
    "epic": r"https://[^/]+/interconnect-fhir-oauth/api/FHIR/R4/",
    "meditech": r"https://[^/]+/v2/uscore/STU6/",
    "oracle": r"https://[^/]+/r4/[0-9a-f-]{36}/",
}
MASKS = (
    (re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}"), "<uuid>"),
    (re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)"), "<time>"),
    (re.compile(r"(1\.2\.840\.114350\.1\.13)\.\d+\.\d+"), r"\1.<customer>"),
    (re.compile(r"https?://[^/\"]+"), "<host>"),
)
CLIENT = "11111111-1111-4111-8111-111111111111"


def masked(node: Any) -> Any:
    """The same without ids, times, customers' arcs and hosts; texts with their white space as one blank."""
    if isinstance(node, dict):
        return {name: masked(value) for name, value in node.items()}
    if isinstance(node, list):
        return [masked(one) for one in node]
    if not isinstance(node, str):
        return node
    for pattern, name in MASKS:
        node = pattern.sub(name, node)
    return " ".join(node.split())


def refusals(vendor: str) -> list[Path]:
    """Recorded answers of a vendor that are refusals: by name, or by their status."""
    folder = RECORDED / vendor
    found = []
    for file in sorted(folder.rglob("*.json")) if folder.is_dir() else ():
        told = json.loads(file.read_bytes())
        status = told.get("_request", {}).get("status", 0) if isinstance(told, dict) else 0
        if file.name.startswith("error") or (isinstance(status, int) and status >= 400):
            found.append(file)
    return found


def answered(vendor: str, recorded: dict[str, Any]) -> tuple[int, int, Any, Any]:
    """(recorded status, ours, recorded body, ours) of the same request to a site in memory."""
    if "probe" in recorded:
        probe, reply = recorded["probe"], recorded["response"]
        site = build_site(SiteOptions("north", vendor, patients=2, stepped=True))
        register_demo_client(site, CLIENT, "system/Patient.rs", secret="s3cret")
        basic = "Basic " + base64.b64encode(f"{CLIENT}:s3cret".encode()).decode()
        headers = {"authorization": basic, "content-type": "application/x-www-form-urlencoded"}
        made = sent(site, "POST", site.token_path, "", headers, urlencode(probe["request_body"]).encode())
        return reply["status_code"], made.status, reply["body_parsed"], json.loads(made.body)
    asked, body = recorded.get("_request"), recorded.get("body", recorded)
    site = build_site(SiteOptions("north", vendor, patients=2, stepped=True, open_access=asked is not None))
    if asked is None:  # what was asked for was not kept: a patient, without a token
        made = sent(site, "GET", f"{site.fhir_path}/Patient/x", "", {})
        return 401, made.status, body, json.loads(made.body)
    target, _, query = re.sub(BASES[vendor], "", asked["url"]).partition("?")
    made = sent(site, asked["method"], f"{site.fhir_path}/{target}", query, {"accept": "application/fhir+json"})
    if "_non_json_body" in body:
        return asked["status"], made.status, title(body["_non_json_body"]), title(made.body.decode())
    return asked["status"], made.status, body, json.loads(made.body)


def title(page: str) -> str:
    """What a page of HTML is called: its words are its web server's."""
    found = re.search(r"<title>(.*?)</title>", page, re.DOTALL)
    assert found, page[:200]
    return found[1].strip()


def sent(site: Site, method: str, path: str, query: str, headers: dict[str, str], body: bytes = b"") -> Reply:
    """The reply to a request at a path below the site's root."""
    found = channel_of(site, path)
    assert found is not None, path
    root = "https://north.example.org"
    exchange = Exchange(found[0], method, found[1], query, headers, body, base_url=root + site.fhir_path)
    reply = site.handle(exchange).reply
    assert reply is not None
    return reply


@pytest.mark.parametrize(
    ("vendor", "file"),
    [pytest.param(one, file, id=f"{one}-{file.stem}") for one in VENDORS for file in refusals(one)]
    or [pytest.param("", Path(), marks=pytest.mark.skip("the recordings are not beside this checkout"))],
)
def test_refusals_are_as_they_were_recorded(vendor: str, file: Path) -> None:
    status, ours, body, made = answered(vendor, json.loads(file.read_bytes()))
    assert ours == status
    assert masked(made) == masked(body)


def main() -> None:
    """Print the figures."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("vendor")
    parser.add_argument("--charts", type=int, default=60)
    parser.add_argument("--missing", type=int, default=0)
    parser.add_argument("--foreign", type=int, default=0)
    told = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        write_answers(told.vendor, Path(folder), told.charts)
        print(measure(told.vendor, Path(folder), "--missing", str(told.missing), "--foreign", str(told.foreign)))


if __name__ == "__main__":
    main()
