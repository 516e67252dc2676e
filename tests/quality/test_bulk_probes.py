"""What probes read of exports: sound, cut, redirected, ordered again, and traffic in which nothing happened."""

from __future__ import annotations

from typing import Any

import pytest

from mockehr.core.exchange import Effects, Exchange, Interaction, Reply
from mockehr.fhir.record import encode
from mockehr.scenarios.probes import probes

FAMILY = sorted(name for name in probes() if name.startswith("bulk-"))
ROOT = "http://127.0.0.1:8000/north"
FAILED = {"resourceType": "OperationOutcome", "issue": [{"severity": "error", "code": "exception"}]}
FILE = "/bulk/files/j1/Patient.0.1.ndjson"


class Night:
    """Exports of one client, written down by hand."""

    def __init__(self, traffic: Any) -> None:
        self.traffic = traffic

    def order(self, job: str = "j1", status: int = 202) -> Exchange:
        exchange = Exchange("fhir", "GET", "/Group/g/$export")
        exchange.interaction, exchange.reply = Interaction("$export", "Group", "g"), Reply(status)
        exchange.notes = {"job": job} if status == 202 else {}
        return self._add(exchange)

    def poll(self, status: int, document: Any = None, job: str = "j1", method: str = "GET", **told: str) -> Exchange:
        exchange = Exchange("files", method, f"/bulk/jobs/{job}")
        exchange.interaction = Interaction("bulk-delete" if method == "DELETE" else "bulk-status")
        exchange.notes = {"job": job} if status != 401 else {}
        return self._add(exchange, status, document, **told)

    def manifest(self, *sections: str, count: int = 2) -> Exchange:
        listed = [{"type": "Patient", "url": ROOT + FILE, "count": count}]
        return self.poll(200, dict.fromkeys(sections or ("output",), listed))

    def fetch(self, status: int = 200, path: str = FILE, effects: Effects | None = None, **told: Any) -> Exchange:
        exchange = Exchange("files", "GET", path)
        exchange.interaction = Interaction("bulk-file")
        exchange.effects = effects
        exchange.notes = {"job": "j1", "lines": told.pop("lines", 2)}
        if told.get("damaged"):
            exchange.notes["damaged"] = told.pop("damaged")
        return self._add(exchange, status, None, **told)

    def _add(self, exchange: Exchange, status: int = 0, document: Any = None, **told: str) -> Exchange:
        exchange.base_url = f"{ROOT}/fhir"
        if status:
            headers = [(name.replace("_", "-"), value) for name, value in told.items()]
            exchange.reply = Reply(status, headers, encode(document) if document is not None else b"")
        added: Exchange = self.traffic.add(exchange)
        return added

    def says(self, probe: str) -> str:
        return str(self.traffic.judged(probe).verdict)


@pytest.fixture
def night(traffic: Any) -> Night:
    return Night(traffic)


@pytest.mark.parametrize("probe", FAMILY)
def test_where_nothing_was_exported_there_is_no_occasion(probe: str, night: Night) -> None:
    assert night.says(probe) == "not-applicable"
    night.traffic.call("GET /Patient/1")
    night.order(status=400)
    assert night.says(probe) == "not-applicable"


@pytest.mark.parametrize(
    ("told", "waits", "verdict"),
    [
        ({"Retry_After": "5"}, 5, "pass"),
        ({"Retry_After": "5"}, 4, "fail"),
        ({"Retry_After": "Mon, 05 Jan 2026 12:00:20 GMT"}, 19, "pass"),
        ({"Retry_After": "Mon, 05 Jan 2026 12:00:20 GMT"}, 10, "fail"),
        ({}, 1, "pass"),
        ({}, 0.05, "fail"),
    ],
)
@pytest.mark.parametrize("status", [202, 429, 503])
def test_a_poll_has_to_wait_as_long_as_the_last_answer_said(
    told: dict[str, str], waits: float, verdict: str, status: int, night: Night
) -> None:
    night.order()
    night.poll(status, **told)
    night.traffic.wait(waits - 1)
    night.manifest()
    assert night.says("bulk-polling-kept") == verdict


def test_a_poll_may_come_at_once_with_a_new_token(night: Night) -> None:
    night.order()
    night.poll(401)
    night.traffic.wait(-1)
    night.poll(202, Retry_After="1")
    night.manifest()
    assert night.says("bulk-polling-kept") == "pass"


def test_a_poll_that_is_refused_for_its_token_came_too_early_too(night: Night) -> None:
    night.order()
    night.poll(202, Retry_After="5")
    night.poll(401)
    night.traffic.wait(5)
    night.manifest()
    assert night.says("bulk-polling-kept") == "fail"


def test_a_file_that_is_asked_for_again_is_no_poll_of_its_export(night: Night) -> None:
    night.order()
    night.poll(202, Retry_After="1")
    night.manifest()
    night.fetch(503, Retry_After="60")
    night.fetch()
    assert night.says("bulk-polling-kept") == "pass"


@pytest.mark.parametrize(
    ("statuses", "told", "verdict"),
    [
        ((202, 200), {}, "pass"),
        ((202, 202), {}, "fail"),
        ((202, 429), {}, "fail"),
        ((202, 401), {}, "fail"),
        ((202, 401, 202, 404), {}, "pass"),
        ((202, 500), {}, "pass"),
        ((202, 502), {}, "fail"),
        ((202, 500), {"Retry_After": "3"}, "fail"),
        ((500, 200), {"Retry_After": "3"}, "pass"),
        ((200,), {}, "not-applicable"),
    ],
)
def test_an_export_is_waited_for_until_it_is_done_or_failed(
    statuses: tuple[int, ...], told: dict[str, str], verdict: str, night: Night
) -> None:
    night.order()
    for status in statuses:
        night.poll(status, {200: {"output": []}, 500: FAILED}.get(status), **told)
    assert night.says("bulk-waits-for-end") == verdict


def test_who_cancels_an_export_has_not_given_it_up_and_who_orders_another_has(night: Night) -> None:
    night.order()
    night.poll(202)
    night.poll(202, method="DELETE")
    night.order("j2")
    night.poll(202, job="j2")
    night.poll(200, {"output": []}, job="j2")
    assert night.says("bulk-waits-for-end") == "pass"
    night.order("j3")
    night.poll(202, job="j3")
    night.order("j4")
    night.poll(200, {"output": []}, job="j3")
    assert night.says("bulk-waits-for-end") == "fail"


@pytest.mark.parametrize(
    ("polls", "again", "verdict"), [(0, True, "pass"), (3, True, "pass"), (4, True, "fail"), (0, False, "fail")]
)
@pytest.mark.parametrize("status", [404, 410, 500])
def test_a_lost_export_is_ordered_again_and_not_asked_after_for_ever(
    polls: int, again: bool, verdict: str, status: int, night: Night
) -> None:
    night.order()
    for code in (202, status, *[status] * polls):
        night.poll(code, FAILED if code == 500 else None)
    if again:
        night.order(status=429)  # that the site wants none now is not the client's fault
    assert night.says("bulk-restarts-lost-jobs") == verdict


def test_an_export_that_the_client_deleted_itself_is_not_lost(night: Night) -> None:
    night.order()
    night.poll(202, method="DELETE")
    night.poll(404)
    assert night.says("bulk-restarts-lost-jobs") == "not-applicable"


CUT = Effects(cut_at=60)
FETCHES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "never": ([], "fail"),
    "whole": ([{}], "pass"),
    "gone": ([{"status": 404}], "fail"),
    "gone for good": ([{"status": 404}] * 3, "pass"),
    "refused, then whole": ([{"status": 401}, {}], "pass"),
    "damaged": ([{"damaged": "x"}], "fail"),
    "damaged, then whole": ([{"damaged": "x"}, {}], "pass"),
    "cut": ([{"effects": CUT}], "fail"),
    "cut, then the rest": ([{"effects": CUT}, {"status": 206, "Content_Range": "bytes 60-99/100"}], "pass"),
    "cut, then less than the rest": ([{"effects": CUT}, {"status": 206, "Content_Range": "bytes 61-99/100"}], "fail"),
    "in parts": (
        [{"status": 206, "Content_Range": "bytes 50-99/100"}, {"status": 206, "Content_Range": "bytes 0-49/100"}],
        "pass",
    ),
    "one part": ([{"status": 206, "Content_Range": "bytes 0-49/100"}], "fail"),
    "led elsewhere": ([{"status": 307, "Location": f"{ROOT}/store/1?sig=2"}], "fail"),
}


@pytest.mark.parametrize("case", FETCHES)
def test_a_file_is_whole_when_all_of_it_came_undamaged(case: str, night: Night) -> None:
    fetches, verdict = FETCHES[case]
    night.order()
    night.manifest()
    for fetch in fetches:
        night.fetch(**fetch)
    assert night.says("bulk-complete") == verdict
    night.order("j2")
    assert night.says("bulk-complete") == (verdict if verdict == "pass" else "not-applicable")


def test_what_a_redirect_leads_to_is_the_file(night: Night) -> None:
    night.order()
    night.manifest("deleted", "output")
    night.fetch(307, Location=f"{ROOT}/store/1?sig=2")
    stored = night.fetch(path="/store/1")
    stored.query = "sig=2"
    assert night.says("bulk-complete") == "pass"
    night.fetch(307, Location=f"{ROOT}/store/1?sig=2")
    assert night.says("bulk-counts-checked") == "not-applicable"
    stored.query = "sig=3"
    assert night.says("bulk-complete") == "fail"


@pytest.mark.parametrize(("lines", "verdict"), [(2, "not-applicable"), (1, "fail"), (3, "fail")])
def test_a_count_that_is_wrong_has_to_be_noticed(lines: int, verdict: str, night: Night) -> None:
    night.order()
    night.manifest()
    night.fetch(lines=lines)
    assert night.says("bulk-counts-checked") == verdict
    night.fetch(lines=lines)
    assert night.says("bulk-counts-checked") == ("pass" if verdict == "fail" else verdict)


def test_who_asks_for_the_manifest_again_has_noticed_too(night: Night) -> None:
    night.order()
    night.manifest()
    night.fetch(lines=1)
    night.manifest()
    assert night.says("bulk-counts-checked") == "pass"


def test_error_files_have_to_be_fetched_and_not_just_asked_for(night: Night) -> None:
    night.order()
    night.manifest("error")
    assert night.says("bulk-errors-read") == "fail"
    assert night.says("bulk-complete") == "not-applicable"
    night.fetch(404)
    assert night.says("bulk-errors-read") == "fail"
    night.fetch()
    assert night.says("bulk-errors-read") == "pass"
