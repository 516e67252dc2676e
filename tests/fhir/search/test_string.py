import pytest

from mockehr.core.folding import fold

PATIENT = {
    "resourceType": "Patient",
    "name": [{"family": "Núñez-O’Brien", "given": ["María José", "Ana"]}, {"text": "Mimi"}, None, "junk"],
    "address": [{"line": ["12 Elm St"], "city": "Straße", "postalCode": "02115"}],
}


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("family=nunez", True),
        ("family=NÚÑEZ", True),
        ("family=nunez-o'b", True),
        ("family=brien", False),
        ("family:contains=BRIEN", True),
        ("family:exact=Núñez-O’Brien", True),
        ("family:exact=núñez-o’brien", False),
        ("family=smith,nu", True),
        ("name=ana", True),
        ("name=mim", True),
        ("name=maria jose ana nunez", True),
        ("given=maria   jose", True),
        ("address=strasse", True),
        ("address=12 elm", True),
        ("address-postalcode=021", True),
        ("address-city=boston", False),
        ("family:missing=false", True),
        ("family:missing=true", False),
        ("address-state:missing=true", True),
    ],
)
def test_strings_match_from_their_start_without_case_and_accents(matches, query, expected):
    assert matches(PATIENT, query) is expected


def test_folding_takes_away_case_accents_and_surplus_blanks():
    assert fold("  Žižka \t ØRSTED ") == "zizka orsted"
    assert fold("Weiß") == "weiss"
    assert fold("José") == fold("Jose\u0301")
    assert fold("王 小明") == "王 小明"


def test_unknown_modifiers_and_empty_alternatives_are_problems(problem):
    assert ":phonetic is not supported" in problem("Patient", "family:phonetic=x")
    assert "empty text" in problem("Patient", "family=a,")
    assert "neither true nor false" in problem("Patient", "family:missing=yes")
