"""Who may sign in."""

from __future__ import annotations

import pytest

from mockehr.auth.people import NoCharts, User, Users
from mockehr.core.errors import DuplicateName, UnknownName


def test_staff_may_open_all_records_and_others_their_own():
    staff, portal = User("a", "Practitioner/1"), User("b", "RelatedPerson/1", patients=("p1", "p2"))
    assert (staff.staff, User("c", "PractitionerRole/1").staff, portal.staff) == (True, True, False)
    assert (staff.may_open("p9"), portal.may_open("p2"), portal.may_open("p9")) == (True, True, False)


def test_a_password_is_not_shown():
    assert "secret" not in repr(User("a", "Practitioner/1", password="secret"))


def test_the_sites_own_accounts_are_asked_for_when_somebody_looks():
    asked = []

    def own():
        asked.append(1)
        return [User("a", "Practitioner/1")]

    users = Users(own)
    assert asked == []
    assert [users.get("a").username, len(users), [one.username for one in users]] == ["a", 1, ["a"]]
    assert asked == [1]


def test_a_name_is_taken_once_and_an_unknown_one_named_with_the_nearest():
    users = Users(lambda: [User("doctor", "Practitioner/1")])
    users.add(User("nurse", "Practitioner/2"))
    users.add(User("nurse", "Practitioner/2"))
    with pytest.raises(DuplicateName):
        users.add(User("doctor", "Practitioner/3"))
    with pytest.raises(UnknownName, match="nearest: doctor"):
        users.get("docter")
    assert list(users.added) == ["nurse"]
    users.remove("nurse")
    assert users.find("nurse") is None
    assert not users.added


def test_a_server_without_charts_takes_the_patients_that_it_is_told():
    charts = NoCharts()
    assert charts.patient("p7").id == "p7"
    assert (charts.patients("", 5), charts.encounters("p7", 5), charts.accounts()) == ((), (), ())


def test_who_is_no_staff_has_nobodys_records_unless_it_is_said_whose():
    assert User("a", "Patient/p1").patients == ("p1",)
    assert User("a", "Patient/p1", patients=("p2",)).patients == ("p2",)
    stranger = User("b", "RelatedPerson/r1")
    assert (stranger.patients, stranger.own, stranger.may_open("")) == ((), ("",), False)
    assert User("c", "Practitioner/1").own == ()
