from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.auth.scopes import ACTION_OF_INTERACTION, ACTIONS, Scope, Scopes

LETTERS = "cruds"


@pytest.mark.parametrize(
    ("text", "actions", "dialect"),
    [
        ("system/*.rs", "rs", "v2"),
        ("patient/Patient.read", "rs", "v1"),
        ("user/Observation.write", "cud", "v1"),
        ("system/*.*", "cruds", "v1"),
        ("system/Observation.cruds", "cruds", "v2"),
        ("system/Observation.rs?category=laboratory", "rs", "v2"),
    ],
)
def test_a_resource_scope_is_parsed(text: str, actions: str, dialect: str) -> None:
    scope = Scope.parse(text)
    assert (scope.actions, scope.dialect, scope.text) == (actions, dialect, text)


@pytest.mark.parametrize(
    "text",
    [
        "openid",
        "launch/patient",
        "system/Patient.sr",  # letters out of order
        "system/Patient.",
        "system/Patient.rr",
        "system/Patient.Read",
        "system/patient.read",
        "system/Patient.read?category=x",  # v1 has no constraints
        "system/Patient.rs?",
        "system/Patient.rs?&",
        "group/Patient.rs",
        "athena/service/Athenanet.MDP.*",
    ],
)
def test_what_is_no_resource_scope_is_plain_and_allows_nothing(text: str) -> None:
    assert Scope.parse(text).dialect == "plain"
    assert not any(Scopes.parse(text).allows("Patient", action) for action in ACTIONS.values())


def test_v1_read_gives_read_and_search_and_write_gives_the_rest() -> None:
    reading, writing = Scopes.parse("system/Patient.read"), Scopes.parse("system/Patient.write")
    assert {a for a in ACTIONS.values() if reading.allows("Patient", a)} == {"read", "search"}
    assert {a for a in ACTIONS.values() if writing.allows("Patient", a)} == {"create", "update", "delete"}


def test_v2_r_alone_does_not_search() -> None:
    scopes = Scopes.parse("system/Patient.r")
    assert scopes.allows("Patient", "read")
    assert not scopes.allows("Patient", "search")


def test_a_wildcard_adds_to_what_a_type_has_of_its_own() -> None:
    scopes = Scopes.parse("system/*.r system/Patient.c")
    assert scopes.allows("Patient", "read")
    assert scopes.allows("Patient", "create")
    assert scopes.allows("Observation", "read")
    assert not scopes.allows("Observation", "create")


def test_every_interaction_maps_to_a_known_action() -> None:
    assert set(ACTION_OF_INTERACTION.values()) == set(ACTIONS.values())


def test_constraints_are_alternatives_and_one_unconstrained_scope_lifts_them() -> None:
    scopes = Scopes.parse("system/Observation.rs?category=laboratory system/Observation.r?code=a&status=final")
    laboratory, code = (("category", "laboratory"),), (("code", "a"), ("status", "final"))
    assert scopes.alternatives("Observation", "read") == (("system", laboratory), ("system", code))
    assert scopes.alternatives("Observation", "search") == (("system", laboratory),)
    assert scopes.alternatives("Observation", "create") == ()
    assert Scopes.parse(scopes.text + " system/*.r").alternatives("Observation", "read") == (("system", ()),)


def test_a_constraint_of_one_context_is_not_lifted_by_another_that_is_narrower() -> None:
    laboratory = (("category", "laboratory"),)
    scopes = Scopes.parse("user/Observation.rs?category=laboratory patient/Observation.rs patient/*.rs?a=b")
    assert scopes.alternatives("Observation", "read") == (("user", laboratory), ("patient", ()))
    assert scopes.alternatives("Condition", "read") == (("patient", (("a", "b"),)),)
    assert Scopes.parse("user/*.rs patient/*.rs system/*.rs").alternatives("Patient", "read") == (("system", ()),)


@pytest.mark.parametrize(
    ("text", "narrow"),
    [
        ("system/*.cruds", False),
        ("system/Observation.rs?category=laboratory", True),
        ("system/*.rs user/Patient.r", True),
        ("system/*.rs patient/Patient.r", True),
        ("launch/patient openid fhirUser", False),
    ],
)
def test_scopes_are_narrow_if_one_may_give_less_than_whole_types(text: str, narrow: bool) -> None:
    assert Scopes.parse(text).narrow is narrow


def test_text_keeps_the_order_and_drops_repetitions_and_equality_ignores_order() -> None:
    scopes = Scopes.parse("  b a   b ")
    assert scopes.text == str(scopes) == "b a"
    assert scopes == Scopes.parse("a b")
    assert hash(scopes) == hash(Scopes.parse("a b"))
    assert scopes != Scopes.parse("a")


@pytest.mark.parametrize(
    ("requested", "registered", "granted"),
    [
        ("system/Patient.rs", "system/*.rs", "system/Patient.rs"),
        ("system/Patient.read", "system/Patient.rs", "system/Patient.read"),
        ("system/Patient.rs", "system/Patient.read", "system/Patient.rs"),
        ("system/Patient.*", "system/Patient.rs", "system/Patient.read"),
        ("system/Patient.cruds", "system/*.read", "system/Patient.rs"),
        ("system/Patient.read", "system/Patient.r", "system/Patient.r"),
        ("system/*.rs", "system/Patient.rs system/Observation.r", "system/Patient.rs system/Observation.r"),
        ("system/*.read", "system/Patient.cruds", "system/Patient.read"),
        ("system/*.cruds", "system/*.rs system/Patient.cruds", "system/*.rs system/Patient.cud"),
        ("system/Patient.cr", "system/*.r system/Patient.c", "system/Patient.cr"),
        ("system/Observation.rs?category=a", "system/Observation.rs", "system/Observation.rs?category=a"),
        ("system/Observation.rs", "system/Observation.rs?category=a", "system/Observation.rs?category=a"),
        ("system/Observation.rs?category=a", "system/Observation.rs?category=b", ""),
        ("patient/Patient.rs user/Patient.rs", "system/Patient.rs", ""),
        ("openid fhirUser", "openid", "openid"),
        ("", "system/*.cruds", ""),
    ],
)
def test_intersection_gives_what_both_cover(requested: str, registered: str, granted: str) -> None:
    assert Scopes.parse(requested).intersect(Scopes.parse(registered)).text == granted


_words = st.sampled_from(["read", "write", "*"])
_letters = st.sets(st.sampled_from(LETTERS), min_size=1).map(lambda s: "".join(x for x in LETTERS if x in s))
_query = st.sampled_from(["", "", "?a=1", "?b=2", "?a=1&b=2"])
_place = st.tuples(st.sampled_from(["system", "user", "patient"]), st.sampled_from(["*", "Patient", "Goal"]))
_v1 = st.builds(lambda place, word: f"{place[0]}/{place[1]}.{word}", _place, _words)
_v2 = st.builds(lambda place, letters, query: f"{place[0]}/{place[1]}.{letters}{query}", _place, _letters, _query)
_sets = st.lists(_v1 | _v2 | st.sampled_from(["openid", "launch"]), max_size=6).map(
    lambda t: Scopes.parse(" ".join(t))
)
_unconstrained = st.lists(_v1, max_size=5).map(lambda t: Scopes.parse(" ".join(t)))

QUESTIONS = [
    (context, resource_type, letter, frozenset(query))
    for context in ("system", "user", "patient")
    for resource_type in ("*", "Patient", "Goal", "Other")
    for letter in LETTERS
    for query in ((), [("a", "1")], [("b", "2")], [("a", "1"), ("b", "2")])
]


def gives(scopes: Scopes, context: str, resource_type: str, letter: str, facts: frozenset[tuple[str, str]]) -> bool:
    """Whether some scope gives the letter on a resource of that type of which exactly `facts` hold."""
    return any(
        scope.context == context
        and scope.resource_type in (resource_type, "*")
        and letter in scope.actions
        and set(scope.query) <= facts
        for scope in scopes
    )


@given(_sets, _sets)
def test_intersection_never_grants_what_was_not_requested_or_not_registered(asked: Scopes, held: Scopes) -> None:
    granted = asked.intersect(held)
    for question in QUESTIONS:
        if gives(granted, *question):
            assert gives(asked, *question)
            assert gives(held, *question)
    assert {s.text for s in granted if not s.actions} == {s.text for s in asked if s.text in held and not s.actions}


@given(_unconstrained, _unconstrained)
def test_intersection_grants_all_that_both_give_where_nothing_is_constrained(asked: Scopes, held: Scopes) -> None:
    granted = asked.intersect(held)
    for question in QUESTIONS:
        if question[1] != "*":
            assert gives(granted, *question) == (gives(asked, *question) and gives(held, *question))


@given(_sets)
def test_intersection_with_itself_loses_nothing(scopes: Scopes) -> None:
    granted = scopes.intersect(scopes)
    for question in QUESTIONS:
        assert gives(granted, *question) == gives(scopes, *question)


@given(_sets)
def test_allows_agrees_with_a_plain_reading_of_the_scopes(scopes: Scopes) -> None:
    facts = frozenset({("a", "1"), ("b", "2")})
    for resource_type in ("Patient", "Goal", "Other"):
        for letter, action in ACTIONS.items():
            plainly = any(
                gives(scopes, context, resource_type, letter, facts) for context in ("system", "user", "patient")
            )
            assert scopes.allows(resource_type, action) == plainly


@given(_sets)
def test_the_text_form_parses_to_the_same_set(scopes: Scopes) -> None:
    assert Scopes.parse(scopes.text) == scopes
