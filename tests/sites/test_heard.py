"""What a receiver of events must end up with."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.errors import UnknownName
from mockehr.events import Hook
from mockehr.sites.build import build_site
from mockehr.sites.heard import heard_of
from mockehr.sites.options import SiteOptions
from mockehr.sites.site import Site


def told() -> tuple[Site, list[dict[str, Any]]]:
    """A site whose receiver hears of two patients, and was never told of a third that is gone, nor of a visit."""
    site = build_site(SiteOptions("a", stepped=True, patients=3))
    site.outbox.add(Hook("app", "http://app.example.org/", resources=("Patient",)))
    kept = [{"resourceType": "Patient", "id": id, "active": True, "name": [{"family": id}]} for id in ("1", "2", "3")]
    for document in kept:
        site.store.commit(document, kind="create", source="control")
    site.store.commit(kept[2], kind="delete", source="control")
    site.store.commit({"resourceType": "Encounter", "id": "1"}, kind="create", source="control")
    site.store.commit(kept[0] | {"active": False}, kind="update", source="control")
    return site, [kept[0] | {"active": False}, kept[1], kept[2]]


def test_all_that_changed_is_expected_as_it_is_now_and_no_more() -> None:
    site, (first, second, third) = told()
    assert heard_of(site, "app", [first, second]).ok
    assert heard_of(site, "app", [first]).lost == ("Patient/2",)
    assert heard_of(site, "app", [first, second, third]).foreign == ("Patient/3",)
    assert heard_of(site, "app", [first, second, second]).duplicated[0].key == "Patient/2"
    assert [one.path for one in heard_of(site, "app", [first | {"active": True}, second]).altered] == ["active"]
    with pytest.raises(UnknownName, match="ap"):
        heard_of(site, "ap", [])
