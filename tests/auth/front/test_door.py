"""From an authorization request, by as many pages as it takes, to a code."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.auth.house import CALLBACK, WHERE, claims, page, parameters

from mockehr.auth.front.steps import Page, Redirect
from mockehr.auth.launches import Launch
from mockehr.auth.people import User
from mockehr.auth.refusal import Refused
from mockehr.auth.scopes import Scopes


def test_a_stranger_signs_in_chooses_a_patient_and_decides(house):
    step = page(house.begin())
    assert (step.name, step.client_id, [one.id for one in step.choices]) == (
        "sign-in",
        "app",
        ["doctor", "patient", "parent"],
    )
    step = page(house.door.sign_in(step.pending, " doctor ", ""))
    assert (step.name, [one.id for one in step.choices]) == ("choose-patient", ["p1", "p2", "p3", "p4", "p5"])
    step = page(house.door.choose_patient(step.pending, "p2"))
    assert (step.name, [one.id for one in step.scopes]) == ("consent", ["patient/Patient.rs"])
    step = house.door.decide(step.pending, allowed=True, scopes=["patient/Patient.rs"])
    assert step.uri == CALLBACK
    assert parameters(step)["state"] == "s t/a"
    reply = house.tokens(parameters(step)["code"])
    assert (reply.status, reply.document["patient"], reply.grant.username) == (200, "p2", "doctor")


def test_the_same_seed_gives_the_same_codes_and_tokens(make_house):
    first, second, other = (make_house(seed=seed).granted() for seed in (7, 7, 8))
    assert first.document == second.document
    assert first.document["access_token"] != other.document["access_token"]


def test_a_wrong_password_is_told_on_the_page_and_locks_nobody_out(house):
    id = page(house.begin()).pending
    for _ in range(50):
        step = page(house.door.sign_in(id, "careful", "wrong"))
        assert (step.name, bool(step.notice), step.session) == ("sign-in", True, "")
    assert page(house.door.sign_in(id, "nobody", "right horse")).notice == step.notice
    assert page(house.door.sign_in(id, "careful", "right horse")).name == "choose-patient"


def test_accounts_with_a_password_are_not_offered_by_name(house):
    assert "careful" not in [one.id for one in page(house.begin()).choices]


def test_patients_are_found_by_the_beginning_of_a_name(house):
    id = house.door.sign_in(page(house.begin()).pending, "doctor", "").pending
    assert [one.id for one in page(house.door.choose_patient(id, "", text="Name 3")).choices] == ["p3"]
    step = page(house.door.choose_patient(id, "p99"))
    assert (step.name, step.notice) == ("choose-patient", "Choose a patient from the list.")


def test_a_patient_is_asked_for_no_patient_and_a_parent_for_one_of_hers(house):
    step = page(house.door.sign_in(page(house.begin()).pending, "patient", ""))
    assert step.name == "consent"
    done = house.answered(step)
    assert house.tokens(parameters(done)["code"]).document["patient"] == "p1"
    step = page(house.door.sign_in(page(house.begin()).pending, "parent", ""))
    assert [one.id for one in step.choices] == ["p2", "p3"]
    assert page(house.door.choose_patient(step.pending, "p1")).notice
    step = house.answered(house.door.choose_patient(step.pending, "p3"))
    grant = house.tokens(parameters(step)["code"]).grant
    assert (grant.patient, grant.own, grant.user) == ("p3", ("p2", "p3"), "RelatedPerson/r1")


def test_nobody_answers_what_was_not_asked(house):
    """Whoever knows the page's id cannot choose a patient, or agree, before the user has signed in."""
    id = page(house.begin()).pending
    assert page(house.door.choose_patient(id, "p5")).name == "sign-in"
    assert page(house.door.choose_encounter(id, "e1")).name == "sign-in"
    assert page(house.door.decide(id, allowed=True, scopes=["patient/Patient.rs"])).name == "sign-in"
    step = page(house.door.sign_in(id, "patient", ""))
    assert step.name == "consent"
    assert page(house.door.choose_patient(step.pending, "p5")).name == "consent"
    assert house.tokens(parameters(house.answered(step))["code"]).document["patient"] == "p1"


def test_whoever_began_cannot_go_on_with_what_somebody_else_signed_in_to(house):
    """Nobody prepares a sign-in for others (session fixation): its name changes with the sign-in."""
    known = page(house.begin()).pending
    theirs = page(house.door.sign_in(known, "doctor", "")).pending
    assert theirs != known
    for answer in (
        lambda: house.door.find(known),
        lambda: house.door.choose_patient(known, "p1"),
        lambda: house.door.decide(known, allowed=True, scopes=["patient/Patient.rs"]),
        lambda: house.door.sign_in(known, "doctor", ""),
    ):
        with pytest.raises(Refused) as refused:
            answer()
        assert refused.value.reason == "session-over"
    assert page(house.door.choose_patient(theirs, "p1")).name == "consent"


def test_going_back_and_signing_in_as_somebody_else_asks_all_questions_anew(house):
    id = page(house.door.sign_in(page(house.begin()).pending, "doctor", "")).pending
    assert page(house.door.choose_patient(id, "p5")).name == "consent"
    step = page(house.door.sign_in(id, "parent", ""))
    assert (step.name, step.user, [one.id for one in step.choices]) == ("choose-patient", "parent", ["p2", "p3"])


def test_a_launch_for_a_user_is_nobody_elses(house):
    step = house.begin(launch=house.launch(approved=False), scope="launch patient/Patient.rs", prompt="consent")
    assert page(step).name == "consent"
    assert page(house.door.sign_in(step.pending, "parent", "")).user == "doctor"


def test_who_may_not_open_the_record_of_a_launch_is_refused(house):
    step = house.begin(launch=house.launch(user="", patient="p1"), scope="launch patient/Patient.rs")
    done = house.door.sign_in(page(step).pending, "parent", "")
    assert (done.refused.reason, parameters(done)["error"]) == ("patient-of-another", "access_denied")


def test_somebody_whose_account_is_gone_has_to_sign_in_again(house):
    house.server.users.add(User("temp", "Practitioner/d9"))
    step = page(house.door.sign_in(page(house.begin()).pending, "temp", ""))
    house.server.users.remove("temp")
    assert page(house.door.choose_patient(step.pending, "p1")).name == "sign-in"


def test_an_encounter_is_asked_for_where_the_app_wants_one(house):
    scope = "launch/patient launch/encounter patient/Patient.rs"
    id = house.door.sign_in(page(house.begin(scope=scope)).pending, "doctor", "").pending
    step = page(house.door.choose_patient(id, "p1"))
    assert (step.name, [one.id for one in step.choices]) == ("choose-encounter", ["e1", "e2"])
    done = house.answered(house.door.choose_encounter(step.pending, "e2"))
    assert house.tokens(parameters(done)["code"]).document["encounter"] == "e2"
    id = house.door.sign_in(page(house.begin(scope=scope)).pending, "doctor", "").pending
    assert page(house.door.choose_patient(id, "p2")).name == "consent"  # has none


def test_an_encounter_is_asked_for_whatever_was_answered_before_anybody_signed_in(house):
    id = page(house.begin(scope="launch/patient launch/encounter patient/Patient.rs")).pending
    assert page(house.door.choose_encounter(id, "e1")).name == "sign-in"
    id = page(house.door.sign_in(id, "doctor", "")).pending
    assert page(house.door.choose_patient(id, "p1")).name == "choose-encounter"


def test_none_of_the_encounters_may_be_chosen(house):
    step = house.begin(scope="launch/patient launch/encounter patient/Patient.rs")
    done = house.answered(step, encounter="")
    assert "encounter" not in house.tokens(parameters(done)["code"]).document


def test_nobody_is_asked_about_a_type_that_there_is_not(make_house):
    house = make_house(resource_types=("Patient",))
    house.server.clients.replace(replace(house.app, scopes=Scopes.parse("patient/*.rs openid")))
    step = page(
        house.door.sign_in(page(house.begin(scope="patient/Patien.rs patient/Patient.rs")).pending, "patient", "")
    )
    assert [one.id for one in step.scopes] == ["patient/Patient.rs"]


def test_unticked_scopes_are_not_given_and_with_none_left_the_user_declined(house):
    scope = "launch/patient openid patient/Patient.rs patient/Observation.rs"
    step = page(house.door.sign_in(page(house.begin(scope=scope)).pending, "patient", ""))
    done = house.door.decide(step.pending, allowed=True, scopes=["patient/Observation.rs"])
    assert house.tokens(parameters(done)["code"]).document["scope"] == "launch/patient openid patient/Observation.rs"
    step = page(house.door.sign_in(page(house.begin(scope="patient/Patient.rs")).pending, "patient", ""))
    done = house.door.decide(step.pending, allowed=True)
    assert done.refused.reason == "denied"


def test_who_declines_is_sent_back_with_access_denied(house):
    step = house.door.sign_in(page(house.begin()).pending, "patient", "")
    done = house.door.decide(step.pending, allowed=False)
    assert (parameters(done)["error"], parameters(done)["state"]) == ("access_denied", "s t/a")
    assert "code" not in parameters(done)


@pytest.mark.parametrize(
    ("consent", "standalone", "launched", "of_patients"),
    [
        ("always", True, True, True),
        ("never", False, False, False),
        ("standalone", True, False, True),
        ("patients", False, False, True),
    ],
)
def test_who_is_asked_for_consent_is_a_setting(make_house, consent, standalone, launched, of_patients):
    house = make_house(consent=consent)

    def asked(step):
        return isinstance(step, Page) and step.name == "consent"

    id = house.door.sign_in(page(house.begin()).pending, "doctor", "").pending
    assert asked(house.door.choose_patient(id, "p1")) is standalone
    assert asked(house.door.sign_in(page(house.begin()).pending, "patient", "")) is of_patients
    launch = house.launch(approved=False)
    assert asked(house.begin(launch=launch, scope="launch patient/Patient.rs")) is launched


def test_staff_may_have_to_do_without_a_patient(make_house):
    house = make_house(staff_choose_patient=False, consent="never")
    done = house.door.sign_in(page(house.begin()).pending, "doctor", "")
    assert "patient" not in house.tokens(parameters(done)["code"]).document


# launches from the EHR


def test_a_launch_brings_its_context_and_is_good_once(house):
    handle = house.launch(
        encounter="e1",
        intent="reconcile",
        fhir_context=({"reference": "ImagingStudy/7"},),
        need_patient_banner=False,
        extras={"loginDepartment": "d7"},
    )
    scope = "launch patient/Patient.rs"
    document = house.tokens(house.code(launch=handle, scope=scope)).document
    told = {name: value for name, value in document.items() if name not in ("access_token", "token_type")}
    assert told == {
        "expires_in": 300,
        "scope": scope,
        "patient": "p1",
        "encounter": "e1",
        "intent": "reconcile",
        "fhirContext": [{"reference": "ImagingStudy/7"}],
        "need_patient_banner": False,
        "loginDepartment": "d7",
        "smart_style_url": WHERE.style,
    }
    assert house.error(launch=handle, scope=scope)["reason"] == "launch-unknown"


def test_a_launch_of_another_app_is_refused(house):
    handle = house.launch(client_id="portal")
    found = house.error(launch=handle, scope="launch patient/Patient.rs")
    assert (found["reason"], found["error"]) == ("launch-of-another", "invalid_request")


def test_a_launch_is_over_after_its_time(make_house):
    house = make_house(launch_lifetime=60.0)
    first, second = house.launch(), house.launch()
    house.clock.advance(59)
    assert house.code(launch=first, scope="launch patient/Patient.rs")
    house.clock.advance(1)
    assert house.error(launch=second, scope="launch patient/Patient.rs")["reason"] == "launch-unknown"


def test_the_style_and_the_banner_are_told_of_launches_as_the_server_says(make_house):
    plain = make_house(style_told=False, need_patient_banner=False).opened().document
    assert "smart_style_url" not in plain
    assert plain["need_patient_banner"] is False
    standalone = make_house().granted().document
    assert "smart_style_url" not in standalone
    assert standalone["need_patient_banner"] is True
    assert make_house().opened(extras={"smart_style_url": "x"}).document["smart_style_url"] == "x"


def test_tenant_state_and_issuer_are_told_where_the_server_does(make_house):
    house = make_house(tenant="t1", state_told=True, iss_told=True)
    document = house.opened().document
    assert (document["tenant"], document["state"]) == ("t1", "s t/a")
    assert parameters(house.answered(house.begin()))["iss"] == WHERE.issuer
    assert house.error(response_type="x")["iss"] == WHERE.issuer
    plain = make_house()
    assert not {"tenant", "state"} & set(plain.opened().document)
    assert "iss" not in parameters(plain.answered(plain.begin()))


def test_a_user_unknown_to_the_workstation_is_asked_at_a_launch(house):
    step = page(house.begin(launch=house.launch(user=""), scope="launch patient/Patient.rs"))
    assert step.name == "sign-in"
    done = house.door.sign_in(step.pending, "doctor", "")
    assert isinstance(done, Redirect)
    assert house.tokens(parameters(done)["code"]).document["patient"] == "p1"


def test_answers_given_ahead_show_no_page(house):
    house.server.launches.approve(Launch("patient", "p1", client_id="app", withheld=("patient/Goal.rs",)))
    done = house.begin(scope="launch/patient patient/Patient.rs patient/Goal.rs")
    assert house.tokens(parameters(done)["code"]).document["scope"] == "launch/patient patient/Patient.rs"
    house.server.launches.withdraw("app")
    assert page(house.begin()).name == "sign-in"


# sessions


def test_a_browser_that_signed_in_is_not_asked_again_until_its_session_ends(make_house):
    house = make_house(sso=100.0)
    session = house.door.sign_in(page(house.begin()).pending, "doctor", "").session
    assert page(house.begin(session=session)).name == "choose-patient"
    assert page(house.begin(session="x" + session)).name == "sign-in"
    assert page(house.begin(session=session, prompt="login")).name == "sign-in"
    assert page(house.begin(session=session, prompt="select_account")).name == "sign-in"
    house.clock.advance(100)
    assert page(house.begin(session=session)).name == "sign-in"


def test_a_session_older_than_the_app_accepts_is_not_used(house):
    start = house.clock.now()
    session = house.door.sign_in(page(house.begin()).pending, "doctor", "").session
    house.clock.advance(50)
    assert page(house.begin(session=session, max_age="49")).name == "sign-in"
    step = house.answered(house.begin(session=session, max_age="50", scope="openid patient/Patient.rs"))
    told = claims(house.tokens(parameters(step)["code"]).document["id_token"])
    assert told["auth_time"] == int(start)


def test_every_sign_in_begins_a_session_of_its_own(house):
    sessions = [
        house.door.sign_in(page(house.begin(session="chosen")).pending, "doctor", "").session for _ in range(3)
    ]
    assert len(set(sessions)) == 3
    assert "chosen" not in sessions
    assert all(len(one) >= 24 for one in sessions)


def test_a_server_without_sessions_sets_none(make_house):
    house = make_house(sso=0.0)
    assert house.door.sign_in(page(house.begin()).pending, "doctor", "").session == ""


def test_prompt_none_is_answered_without_a_page(house):
    found = house.error(prompt="none")
    assert (found["error"], found["reason"]) == ("login_required", "login-required")
    session = house.door.sign_in(page(house.begin()).pending, "doctor", "").session
    found = house.error(prompt="none", session=session)
    assert (found["error"], found["reason"]) == ("interaction_required", "interaction-required")
    done = house.begin(prompt="none", launch=house.launch(), scope="launch patient/Patient.rs")
    assert house.tokens(parameters(done)["code"]).status == 200


def test_prompt_consent_asks_where_nobody_else_would_be_asked(make_house):
    house = make_house(consent="never")
    step = page(house.door.sign_in(page(house.begin(prompt="consent")).pending, "patient", ""))
    assert step.name == "consent"
    assert "code" in parameters(house.answered(step))


def test_a_page_is_over_after_its_time_and_when_it_was_completed(make_house):
    house = make_house(session_lifetime=60.0)
    id = page(house.begin()).pending
    house.clock.advance(59)
    step = house.door.sign_in(id, "patient", "")
    house.clock.advance(59)  # each answer gives time anew
    assert "code" in parameters(house.door.decide(step.pending, allowed=True, scopes=["patient/Patient.rs"]))
    for again in (house.door.find, lambda id: house.door.decide(id, allowed=True)):
        with pytest.raises(Refused) as caught:
            again(id)
        assert caught.value.reason == "session-over"
    other = page(house.begin()).pending
    house.clock.advance(60)
    with pytest.raises(Refused):
        house.door.sign_in(other, "doctor", "")


def test_signing_out_ends_sessions_and_what_lives_with_them(house):
    session = house.door.sign_in(page(house.begin()).pending, "doctor", "").session
    online = house.granted(scope="launch/patient online_access patient/Patient.rs").document
    offline = house.granted(scope="launch/patient offline_access patient/Patient.rs").document
    other = house.granted("patient", scope="launch/patient online_access patient/Patient.rs")
    assert house.server.end_sessions("doctor") == 3 + 1  # a session for each time that they signed in, one renewal
    assert page(house.begin(session=session)).name == "sign-in"
    assert house.refresh(online["refresh_token"]).reason == "refresh-token-unknown"
    assert house.works(online["access_token"])
    assert house.refresh(offline["refresh_token"]).status == 200
    assert house.refresh(other.document["refresh_token"]).status == 200
    assert house.server.end_sessions(client_id="app", tokens=True) > 0
    assert not house.works(online["access_token"])


def test_signing_out_of_one_app_leaves_the_browser_signed_in_and_systems_their_tokens(house):
    house.register("system", "system/Patient.rs", secret="x", redirect_uris=(), grant_types=("client_credentials",))
    system = house.ask("client_credentials", client_id="system", client_secret="x", scope="system/Patient.rs")
    session = house.door.sign_in(page(house.begin()).pending, "doctor", "").session
    made = house.granted().document
    assert house.server.end_sessions(client_id="app", tokens=True) == 1
    assert page(house.begin(session=session)).name == "choose-patient"
    assert not house.works(made["access_token"])
    assert house.server.end_sessions(tokens=True) > 0
    assert page(house.begin(session=session)).name == "sign-in"
    assert house.works(system.document["access_token"])


@pytest.mark.parametrize(("age", "name"), [("0", "sign-in"), ("1", "choose-patient")])
def test_max_age_0_asks_in_the_same_instant_too(house, age, name):
    session = house.door.sign_in(page(house.begin()).pending, "doctor", "").session
    assert page(house.begin(session=session, max_age=age)).name == name
