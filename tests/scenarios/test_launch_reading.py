"""Whose the exchanges of launches are, that name no client by themselves."""

from __future__ import annotations

import json

from mockehr.core.exchange import Exchange, Reply
from mockehr.scenarios.asking import form
from mockehr.scenarios.launch_reading import told_back
from mockehr.scenarios.scorecard import by_client


def numbered(*exchanges: Exchange) -> list[Exchange]:
    for number, exchange in enumerate(exchanges, 1):
        exchange.number, exchange.at = number, float(number)
    return list(exchanges)


def asked(client: str, agent: str) -> Exchange:
    body = json.dumps({"access_token": f"t-{client}"}).encode()
    return Exchange("token", "POST", "/t", headers={"user-agent": agent}, client=client, reply=Reply(200, [], body))


def launch(handle: str) -> Exchange:
    reply = Reply(302, [("Location", f"https://app.example.org/launch?iss=x&launch={handle}")])
    return Exchange("launch", "GET", "https://app.example.org/launch", reply=reply)


def begun(client: str, handle: str = "", known: bool = True) -> Exchange:
    query = f"client_id={client}&launch={handle}"
    return Exchange("authorize", "GET", "/authorize", query, client=client if known else "")


def discovery(agent: str, channel: str = "discovery") -> Exchange:
    path = "/metadata" if channel == "fhir" else "/.well-known/smart-configuration"
    return Exchange(channel, "GET", path, headers={"user-agent": agent})  # type: ignore[arg-type]


def owners(*exchanges: Exchange) -> dict[str, list[int]]:
    return {client: [one.number for one in mine] for client, mine in by_client(numbered(*exchanges)).items()}


def test_a_launch_belongs_to_who_brings_its_handle() -> None:
    assert owners(launch("l1"), launch("l2"), begun("a", "l2"), begun("b", "l1")) == {"a": [2, 3], "b": [1, 4]}
    assert owners(launch("l3"), begun("a", "l2"), begun("b")) == {"": [1], "a": [2], "b": [3]}


def test_a_launch_belongs_to_who_is_known_to_bring_it_and_not_to_whoever_came_first() -> None:
    found = owners(launch("l1"), begun("a", "l1", known=False), begun("a", "l1"), begun("b"))
    assert found == {"a": [1, 2, 3], "b": [4]}


def test_a_request_that_was_answered_before_anybody_was_known_belongs_to_whom_it_names() -> None:
    assert owners(begun("a"), begun("b"), begun("b", known=False)) == {"a": [1], "b": [2, 3]}
    token = Exchange("token", "POST", "/t", body=b"grant_type=authorization_code&client_id=a")
    assert owners(begun("a"), begun("b"), token) == {"a": [1, 3], "b": [2]}


def test_discovery_belongs_to_the_only_client_with_that_agent() -> None:
    assert owners(discovery("x"), asked("a", "x"), asked("b", "y"), discovery("y", "fhir")) == {
        "a": [1, 2],
        "b": [3, 4],
    }


def test_discovery_of_an_agent_that_two_clients_have_is_nobodys() -> None:
    assert owners(discovery("x"), asked("a", "x"), asked("b", "x"))[""] == [1]


def test_a_form_wins_over_the_query_and_the_way_back_is_read_from_its_location() -> None:
    posted = Exchange("authorize", "POST", "/authorize", "state=q", body=b"state=b&x=")
    assert form(posted) == {"state": "b", "x": ""}
    assert told_back(launch("l1")) == {"iss": "x", "launch": "l1"}
    assert told_back(posted) == {}
