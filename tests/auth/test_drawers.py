"""One suite for every kind of drawer: things by name, each until a time."""

from __future__ import annotations

import sqlite3

import pytest
from tests.auth.house import parameters

from mockehr.auth.clients import Client
from mockehr.auth.drawers import FOR_EVER, KEPT, Drawer, Drawers, MemoryDrawer
from mockehr.auth.scopes import Scopes
from mockehr.auth.shelf import PRUNED_AFTER, TABLES, SqliteDrawer


@pytest.fixture(params=["memory", "sqlite"])
def make(request):
    """Makes drawers by name; those of one test lie side by side."""
    if request.param == "memory":
        yield lambda name: MemoryDrawer()
        return
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for table in TABLES:
        connection.execute(table)
    yield lambda name: SqliteDrawer(connection, name)
    connection.close()


@pytest.fixture
def drawer(make) -> Drawer:
    return make("things")


def test_a_thing_is_found_until_its_time(drawer):
    drawer.put("a", ("x", 1), 10.0)
    assert (drawer.get("a", 9.9), drawer.get("a", 10.0), drawer.get("b", 0.0)) == (("x", 1), None, None)


def test_a_thing_is_taken_once_and_not_after_its_time(drawer):
    drawer.put("a", 1, 10.0)
    drawer.put("b", 2, 10.0)
    assert (drawer.take("a", 5.0), drawer.take("a", 5.0)) == (1, None)
    assert (drawer.take("b", 10.0), drawer.get("b", 5.0)) == (None, None)


def test_a_name_holds_one_thing(drawer):
    drawer.put("a", 1, 10.0)
    drawer.put("b", 2, 10.0)
    drawer.put("a", 3, 20.0)
    assert drawer.get("a", 15.0) == 3
    assert drawer.every(5.0) == [2, 3]
    assert drawer.every(15.0) == [3]


def test_numbers_go_up_from_one_and_begin_again_when_it_is_emptied(drawer):
    assert [drawer.next_number() for _ in range(3)] == [1, 2, 3]
    drawer.put("a", 1, FOR_EVER)
    drawer.clear()
    assert (drawer.next_number(), drawer.get("a", 0.0), drawer.every(0.0)) == (1, None, [])


def test_names_may_hold_anything(drawer):
    for name in ("", "\0", "ä", "\ud800", "'; DROP TABLE drawers"):
        drawer.put(name, name, 10.0)
        assert drawer.get(name, 0.0) == name


def test_what_is_put_in_may_be_a_client(drawer):
    client = Client("a", Scopes.parse("patient/*.rs"), jwks={"keys": []})
    drawer.put("a", client, FOR_EVER)
    assert drawer.get("a", 1e10) == client


def test_drawers_do_not_know_of_each_other(make):
    first, second = make("first"), make("second")
    first.put("a", 1, 10.0)
    assert (second.get("a", 0.0), second.next_number()) == (None, 1)
    second.clear()
    assert first.get("a", 0.0) == 1


def test_the_oldest_are_forgotten_beyond_a_bound_whatever_others_hold(make):
    busy, calm = make("busy"), make("calm")
    calm.put("a", 1, FOR_EVER)
    for number in range(KEPT + 2 * PRUNED_AFTER):
        busy.put(str(number), number, FOR_EVER)
        if number % 2:  # never in step with the count of all things
            calm.put("b", number, FOR_EVER)
    assert len(busy.every(0.0)) <= KEPT + PRUNED_AFTER
    assert (busy.get("0", 0.0), busy.get(str(PRUNED_AFTER + KEPT), 0.0)) == (None, PRUNED_AFTER + KEPT)
    assert calm.get("a", 0.0) == 1


def test_drawers_are_made_when_they_are_opened_and_as_they_are_told():
    drawers, made = Drawers(), []
    drawers["a"].put("x", 1, 10.0)
    assert drawers["a"].get("x", 0.0) == 1
    drawers["approvals"].put("app", 1, FOR_EVER)
    drawers.clear()
    assert drawers["a"].get("x", 0.0) is None
    assert drawers["approvals"].get("app", 0.0) == 1  # a setting, and no traffic

    def shared(name):
        made.append(name)
        return MemoryDrawer()

    drawers.share(shared)
    assert drawers["a"] is drawers["a"]
    assert made.count("a") == 1


def test_processes_of_one_site_know_of_each_others_codes_launches_pages_and_clients(make_house):
    first, second = (make_house(registration="open") for _ in range(2))
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for table in TABLES:
        connection.execute(table)
    for house in (first, second):
        house.server.drawers.share(lambda name: SqliteDrawer(connection, name))
    assert second.tokens(first.code()).status == 200
    handle = first.launch()
    assert second.tokens(second.code(launch=handle, scope="launch patient/Patient.rs")).status == 200
    assert first.error(launch=handle, scope="launch")["reason"] == "launch-unknown"
    step = second.door.sign_in(first.begin().pending, "patient", "")
    code = parameters(first.door.decide(step.pending, allowed=True, scopes=["patient/Patient.rs"]))["code"]
    assert second.tokens(code).status == 200
    assert first.tokens(code).reason == "code-used"
    assert second.begin(session=step.session).name == "consent"
    told = {"redirect_uris": ["https://app.example.org/callback"], "token_endpoint_auth_method": "none"}
    new = second.server.register({**told, "scope": "launch/patient patient/Patient.rs"}).client_id
    assert first.tokens(second.code(client_id=new), client_id=new).status == 200
    assert first.server.register(told).client_id != new
    connection.close()


def test_a_refresh_token_that_was_renewed_by_another_process_is_old_everywhere(make_house):
    first, second = (make_house() for _ in range(2))
    connection = sqlite3.connect(":memory:", isolation_level=None)
    for table in TABLES:
        connection.execute(table)
    for house in (first, second):
        house.server.drawers.share(lambda name: SqliteDrawer(connection, name))
    old = first.granted(scope="launch/patient offline_access patient/Patient.rs").document["refresh_token"]
    new = second.refresh(old).document["refresh_token"]
    assert first.refresh(old).reason == "refresh-token-used"
    assert second.refresh(new).reason == "refresh-token-unknown"
    connection.close()
