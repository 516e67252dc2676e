"""Arguments of operations on events, exports and the audit trail that nobody should give: refused in words."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.control.facade import Control, operations
from mockehr.core.errors import MockehrError
from mockehr.sites.build import build_site
from mockehr.sites.directory import Directory
from mockehr.sites.options import SiteOptions

NAMES = [name for name, _ in operations().items() if name.partition(" ")[0] in ("events", "webhook", "bulk", "audit")]
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    [
        *(
            "",
            " ",
            "\0",
            "é\u202e",
            "9" * 5000,
            "-1",
            "1e400",
            "x" * 70_000,
            "w",
            "Patient/p0",
            "p0",
            "../x",
            "encounter-start",
        ),
        *(
            "2026-01-05",
            "0001-01-01T00:00:00+14:00",
            "9999-12-31T23:59:59-14:00",
            "1h",
            "9" * 400 + "h",
            "-5h",
            "delivered",
        ),
        *(None, True, 0, 5, -1, 10**18, 10**400, 1.5, float("nan"), float("inf"), [], {}, ["x"], {"a": 1}),
        *(
            "http://x.example.org/",
            "http://[",
            "redox",
            "standard",
            "id-only",
            {"ladder": "9" * 400},
            {"timeout": 10**400},
        ),
        *({"at_once": -1}, {"order": 5}, {"batch": 10**18}, {"timeout": "x"}, {"ladder": [float("nan")]}),
    ]
) | st.text(max_size=20)


@pytest.fixture(scope="module")
def directory() -> Directory:
    made = Directory()
    made.add(build_site(SiteOptions("a", patients=3, stepped=True, open_access=True)))
    return made


@pytest.mark.parametrize("name", NAMES)
@given(data=st.data())
def test_any_argument_is_taken_or_refused_in_words(directory: Directory, name: str, data: st.DataObject) -> None:
    control, outbox = Control(directory), directory.get("a").outbox
    for lane in tuple(outbox):
        outbox.remove(lane.hook.name)
    control.call("webhook add", site="a", name="w", url="http://app.example.org/hook")
    for _ in range(4):
        known = {one.name: data.draw(VALUES, label=one.name) for one in operations().get(name).parameters}
        kept = {key for key in known if data.draw(st.booleans())}
        try:
            answer = control.call(name, site="a", **{key: value for key, value in known.items() if key in kept})
        except MockehrError as refusal:
            answer = str(refusal)
        assert len(orjson.dumps(answer)) > 2
