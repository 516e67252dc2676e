"""What a test asks of the audit trail."""

from __future__ import annotations

import pytest

from mockehr.core.errors import VerdictFailed
from mockehr.core.exchange import Exchange
from mockehr.sites.build import build_site
from mockehr.sites.options import SiteOptions
from mockehr.testing.audit import AuditTrail


@pytest.fixture
def audit() -> AuditTrail:
    site = build_site(SiteOptions("north", patients=5, stepped=True, open_access=True))
    for path, query in (
        ("/Patient/p0", ""),
        ("/Condition", "patient=p1"),
        ("/Patient/nope", ""),
        ("/Patient/p0", ""),
    ):
        site.handle(Exchange("fhir", path=path, query=query, base_url="http://h.example.org/a"))
    return AuditTrail(site, lambda function, *arguments: function(*arguments))


def test_accesses_are_given_in_order_and_as_audit_events(audit: AuditTrail) -> None:
    assert [access.entry for access in audit.accesses()] == [1, 2, 3, 4]
    assert [event["id"] for event in audit.events(patient="p1")] == ["access-2"]


def test_what_was_accessed_is_given_back(audit: AuditTrail) -> None:
    assert [access.entry for access in audit.assert_accessed(patient="p0", what="read", times=2)] == [1, 4]
    assert audit.assert_accessed(patient="p2", times=0) == []
    assert audit.assert_accessed(outcome="refused")[0].reason == "not-found: Patient/nope is not known"


def test_what_was_never_accessed_is_refused_with_the_nearest(audit: AuditTrail) -> None:
    with pytest.raises(VerdictFailed) as refused:
        audit.assert_accessed(patient="p1", what="read")
    assert "patient p1, what read was never accessed at north" in refused.value.what
    assert refused.value.nearest.startswith("but for what: entry 2 at 2026-01-05T12:00:00Z: search Condition of p1")
    with pytest.raises(VerdictFailed) as refused:
        audit.assert_accessed(patient="p2")
    assert "entry 1" in refused.value.nearest


def test_another_number_of_times_is_refused_with_all_of_them(audit: AuditTrail) -> None:
    with pytest.raises(
        VerdictFailed, match="patient p0 was accessed 2 times at north, 1 times was wanted"
    ) as refused:
        audit.assert_accessed(patient="p0", times=1)
    assert refused.value.nearest.count("read Patient of p0: success") == 2


def test_what_must_not_be_accessed_is_refused_with_its_entry_and_attempts_count(audit: AuditTrail) -> None:
    audit.assert_not_accessed(patient="p2")
    with pytest.raises(VerdictFailed) as refused:
        audit.assert_not_accessed(patient="nope")
    assert "refused (not-found: Patient/nope is not known)" in refused.value.nearest
    assert "journal why north 3" in refused.value.remedy
    audit.assert_not_accessed(patient="nope", outcome="success")


def test_before_anything_was_accessed_the_error_says_so() -> None:
    site = build_site(SiteOptions("north", stepped=True))
    with pytest.raises(VerdictFailed) as refused:
        AuditTrail(site, lambda function, *arguments: function(*arguments)).assert_accessed(patient="p0")
    assert refused.value.nearest == "nothing was accessed so far"
