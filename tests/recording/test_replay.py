from __future__ import annotations

from pathlib import Path
from urllib.parse import urlencode

import orjson
import pytest

from mockehr.core.exchange import Exchange
from mockehr.recording.tape import Recording, load_tape
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site

BASE = "http://sim.example.org/a/fhir"


def replaying(vendor: str, folder: Path) -> Site:
    return build_site(SiteOptions("a", personality=vendor, replay=folder / vendor, open_access=True, stepped=True))


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_recorded_requests_are_answered_as_recorded(vendor: str, shared_data: Path) -> None:
    site, tape = replaying(vendor, shared_data / "recorded"), load_tape(shared_data / "recorded" / vendor)
    played = 0
    for recording in tape.recordings:
        query = urlencode(sorted(recording.query))
        answered = site.handle(Exchange("fhir", recording.method, recording.path, query, base_url=BASE))
        assert answered.reply is not None
        assert answered.reply.status == recording.status
        if answered.problem is not None:  # a type that no server has is refused before the tape is asked
            assert answered.problem.kind == "type-unknown"
            continue
        played += 1
        first = tape.find(recording.method, recording.path, query)
        assert isinstance(first, Recording)
        wanted = orjson.loads(orjson.dumps(first.body).replace(first.base.encode(), BASE.encode()))
        assert orjson.loads(answered.reply.body) == wanted
        assert answered.notes["recording"] == first.source
        assert first.base.encode() not in answered.reply.body
    assert played >= len(tape.recordings) - 1 > 10


@pytest.mark.parametrize("vendor", ["epic", "oracle"])
def test_a_near_miss_is_a_404_that_names_the_nearest_recordings(vendor: str, shared_data: Path) -> None:
    site = replaying(vendor, shared_data / "recorded")
    answered = site.handle(Exchange("fhir", path="/Procedure", query="patient=nobody", base_url=BASE))
    assert answered.problem is not None
    assert answered.reply is not None
    assert answered.reply.status == 404
    assert answered.notes["near_misses"][0].startswith("procedure")
    assert "parameter patient=nobody was not recorded" in answered.problem.text
