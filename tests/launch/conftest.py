"""An app with exactly the flaws that are asked for, opened at a site by the workstation of the launch lab."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from mockehr.auth.launches import Launch
from mockehr.edge.launch_lab import launch_app
from mockehr.sites.test_client import register_app
from mockehr.testing.world import TestSite, World

_SPEC = importlib.util.spec_from_file_location("launch_smart_app", Path(__file__).with_name("smart_app.py"))
assert _SPEC is not None
assert _SPEC.loader is not None
smart_app = importlib.util.module_from_spec(_SPEC)
sys.modules["launch_smart_app"] = smart_app
_SPEC.loader.exec_module(smart_app)


@dataclass
class Stage:
    """One app, registered at one site, and what becomes of it."""

    site: TestSite
    app: Any
    server: Any

    def open(self, *, iss_only: bool = False, user: str = "clinician") -> Any:
        """Open the app from the chart of the first patient, with the latest encounter; the lab's record."""
        patient = self.site.patient_ids(1)[0]
        encounter = self.site._call(self.site.site.encounter_of, patient)
        launch = Launch(user=user, patient=patient, encounter=encounter, client_id="app")
        return self.server.threaded.run(launch_app(self.site.site, launch, self.app.url, self.server.url, user=user))

    def verdict(self, probe: str) -> str:
        """What the probe says of the app."""
        card = self.site.judge(probe).cards[0]
        assert card.client == "app"
        return str(card.findings[0].verdict)

    def why(self, probe: str) -> str:
        """The finding in words."""
        finding = self.site.judge(probe).cards[0].findings[0]
        return "\n".join([finding.summary, *(item.text for item in finding.evidence)])


Staged = Callable[..., Stage]


@pytest.fixture
def stage(mockehr: World) -> Iterator[Staged]:
    """Makes a site and an app that has those flaws."""
    apps = []

    def make(
        *flaws: str, vendor: str = "generic", secret: str = "", kind: Any = smart_app.SmartApp, **options: Any
    ) -> Stage:
        site = mockehr.site(vendor, patients=8, **options)
        app = kind(site.advance, (site.fhir_url,), frozenset(flaws), secret=secret)
        apps.append(app)
        site._call(register_app, site.site, "app", [app.callback], secret=secret, name="Test app")
        app.start()
        return Stage(site, app, mockehr._server)

    yield make
    for app in apps:
        app.stop()
