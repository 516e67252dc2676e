"""How much of the shape of recorded answers the dressed charts show, by group.

As a command: `python tests/personalities/test_parity.py epic [--missing N] [--foreign N] [--charts N]`.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections import defaultdict
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
if __name__ == "__main__":
    sys.path.insert(0, str(ROOT / "simulator"))

from mockehr.core.chance import Chance  # noqa: E402
from mockehr.core.page import SearchPage  # noqa: E402
from mockehr.core.problem import Problem, not_found  # noqa: E402
from mockehr.personalities.envelope import to_bytes  # noqa: E402
from mockehr.personalities.load import load_personality  # noqa: E402
from mockehr.personalities.model import Dresser, Personality, SiteFacts  # noqa: E402
from mockehr.population.chart import draw_chart, staff_of  # noqa: E402
from mockehr.population.population import Population  # noqa: E402

SHARED = ROOT.parent / "shared"
MEASURE = SHARED / "tools" / "parity.py"
RECORDED = SHARED / "data" / "recorded"
AS_OF = 1_767_571_200.0
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


def write_answers(vendor: str, folder: Path, charts: int = 60) -> None:
    """Searches of every type for some charts, first pages and empty answers, and two errors, as files."""
    personality, made = dress_charts(vendor, charts)
    recorded_types = {"AllergyIntolerance", "Condition", "DiagnosticReport", "DocumentReference", "Encounter",
                      "Immunization", "MedicationRequest", "Observation", "Patient", "Procedure"}  # fmt: skip
    for (index, kind), resources in made.items():
        if kind not in recorded_types:
            continue
        size = personality.rules.page_size(kind, 5 if index % 5 == 0 else None) or len(resources)
        for start in range(0, len(resources), size):
            part = resources[start : start + size]
            last = start + size >= len(resources)
            page = SearchPage(
                kind,
                [(kind, resource["id"], to_bytes(resource), "match") for resource in part],
                total=len(resources),
                query=f"patient={made[index, 'Patient'][0]['id']}&_count={size}",
                next_token="" if last else personality.page_token(f"{kind}{index}", start),
                offset=start,
                complete=last and not start,
            )
            (folder / f"{index}-{kind}-{start}.json").write_bytes(personality.searchset_bytes(page, BASE))
    errors = [not_found("Patient", "nobody")]
    missing = personality.rules.check("Patient", [("favourite-colour", "red")], lambda name: False)
    for number, problem in enumerate([*errors, *([missing] if isinstance(missing, Problem) else [])]):
        reply = personality.refuse(problem, BASE, "application/json")
        (folder / f"error-{number}.json").write_text(json.dumps(reply.document))


def measure(vendor: str, folder: Path, *options: str) -> str:
    """What the measure says."""
    command = [sys.executable, str(MEASURE), str(RECORDED / vendor), str(folder), *options]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("vendor", "recall", "precision"), [("epic", 0.94, 0.94), ("oracle", 0.94, 0.94)])
def test_dressed_charts_have_the_shape_of_recordings(
    vendor: str, recall: float, precision: float, tmp_path: Path
) -> None:
    if not MEASURE.is_file() or not (RECORDED / vendor).is_dir():
        pytest.skip("the recordings and their measure are not beside this checkout")
    write_answers(vendor, tmp_path, charts=40)
    found = json.loads(measure(vendor, tmp_path, "--json"))
    assert found["recall"] >= recall
    assert found["precision"] >= precision


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
