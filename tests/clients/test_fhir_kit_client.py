"""fhir-kit-client (npm), driven by node, against the running simulator.

It is installed once into a fresh folder, or into the folder that the environment variable MOCKEHR_NODE_MODULES names,
where later runs find it again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest

VERSION = "2.0.3"
PROGRAM = Path(__file__).with_name("fhir_kit_client.mjs")


@pytest.fixture(scope="session")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program beside a `node_modules` that holds the client; skips where there is no node or no npm."""
    missing = [name for name in ("node", "npm") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"drives a client written for node, and there is no {' and no '.join(missing)} here")
    kept = os.environ.get("MOCKEHR_NODE_MODULES")
    installed = install(Path(kept) if kept else tmp_path_factory.mktemp("npm"))
    folder = tmp_path_factory.mktemp("node")
    # A module is looked for beside the program that imports it, so the program has to lie beside its modules.
    (folder / "node_modules").symlink_to(installed / "node_modules", target_is_directory=True)
    return Path(shutil.copy(PROGRAM, folder))


def install(folder: Path) -> Path:
    """Install the client below `folder` unless it is there; safe when several processes do so at once."""
    place = folder.resolve() / f"fhir-kit-client-{VERSION}"
    if place.is_dir():
        return place
    folder.mkdir(parents=True, exist_ok=True)
    draft = Path(tempfile.mkdtemp(dir=place.parent))
    wanted = f"fhir-kit-client@{VERSION}"
    command = ["npm", "install", "--prefix", str(draft), "--no-audit", "--no-fund", "--ignore-scripts", wanted]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    try:
        draft.rename(place)
    except OSError:  # another process was first
        shutil.rmtree(draft)
    return place


def run(program: Path, told: dict[str, Any]) -> dict[str, Any]:
    """What the program says about what it saw."""
    patience = 60 + len(told["charts"])
    done = subprocess.run(
        ["node", str(program)], input=json.dumps(told), capture_output=True, text=True, timeout=patience, check=False
    )
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout))


@pytest.mark.slow
def test_fhir_kit_client_lists_reads_and_creates(hospital: Any, program: Path) -> None:
    charts = [
        (index, kind, category, {"patient": patient, "_count": "10"} | ({"category": category} if category else {}))
        for index, patient in hospital.charted()
        for kind, category in hospital.searches
    ]
    patient = {
        "resourceType": "Patient",
        "name": [{"family": "Ibáñez", "given": ["Zoë"]}],
        "gender": "female",
        "birthDate": "1957-03-09",
    }
    told = {
        "base": hospital.fhir_url,
        "assertion": hospital.assertion("for-fhir-kit-client"),
        "scope": hospital.client.scopes,
        "everyone": hospital.list_everyone(),
        "charts": [{"type": kind, "params": params} for _, kind, _, params in charts],
        "patient": patient,
    }
    everyone = hospital.everyone()
    saw = run(program, told)

    assert saw["tokenUrl"] == hospital.client.token_url
    assert saw["refusedBare"] == 401
    assert len(saw["everyone"]["ids"]) == len(everyone) == 205
    assert set(saw["everyone"]["ids"]) == set(everyone)
    assert saw["everyone"]["pages"] == hospital.searched("Patient") == 11  # ten pages of twenty and one of five
    for (index, kind, category, _), read in zip(charts, saw["charts"], strict=True):
        assert sorted(read["ids"]) == hospital.truth(index, kind, category), (kind, category)
    assert max(read["pages"] for read in saw["charts"]) > 1
    assert saw["created"]["status"] == 201
    assert saw["read"]["id"] == saw["created"]["id"]
    assert patient.items() <= saw["read"].items()
