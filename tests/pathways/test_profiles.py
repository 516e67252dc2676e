from __future__ import annotations

import pytest

from mockehr.core.chance import Chance
from mockehr.pathways.profiles import OrderProfile, drawn, flag_of, reference_range, shipped_profiles

FLAGS = {"NORMAL": {"N", ""}, "HIGH": {"H", ""}, "LOW": {"L", ""}}


@pytest.mark.parametrize("word", ["NORMAL", "HIGH", "LOW"])
def test_values_are_where_the_word_says(word: str) -> None:
    for name, profile in shipped_profiles().items():
        for number in range(20):
            stream = Chance(number).stream(name)
            for test_name, test in profile.tests.items():
                if not test.unit or (word == "HIGH" and test.high is None) or (word == "LOW" and test.low is None):
                    continue
                values = drawn({test_name: test}, {}, word, stream, sex="female", age=50)  # type: ignore[arg-type]
                assert flag_of(test_name, test, values[test_name], "female") in FLAGS[word], (name, test_name, values)


def test_explicit_values_are_kept_and_the_rest_is_normal() -> None:
    profile = shipped_profiles()["bmp"]
    values = drawn(profile.tests, {"potassium": 6.8}, "NORMAL", Chance(1).stream("a"), sex="male", age=60)
    assert values["potassium"] == 6.8
    assert flag_of("potassium", profile.tests["potassium"], 6.8, "male") == "H"
    assert flag_of("sodium", profile.tests["sodium"], values["sodium"], "male") == "N"


def test_what_follows_from_other_values_is_computed() -> None:
    tests = shipped_profiles()["cbc"].tests
    values = drawn(tests, {"hgb": 8.1}, "NORMAL", Chance(1).stream("a"), sex="female", age=70)
    assert values["hct"] == pytest.approx(8.1 / float(values["mchc"] or 0) * 100, abs=0.1)
    kidneys = shipped_profiles()["bmp"].tests
    ill = drawn(kidneys, {"creatinine": 4.0}, "NORMAL", Chance(1).stream("a"), sex="female", age=70)
    assert float(ill["egfr"] or 0) < 20


def test_results_in_words_are_those_of_the_profile_or_ones_own() -> None:
    tests = shipped_profiles()["blood-culture"].tests
    stream = Chance(1).stream("a")
    grown = drawn(tests, {}, "ABNORMAL", stream, sex="male", age=5)["culture"]
    assert (grown, flag_of("culture", tests["culture"], grown, "male")) == ("Escherichia coli", "A")
    told = drawn(tests, {"culture": "Gram-positive cocci"}, "NORMAL", stream, sex="male", age=5)["culture"]
    assert (told, flag_of("culture", tests["culture"], told, "male")) == ("Gram-positive cocci", "")


def test_an_empty_result_has_no_value() -> None:
    tests = shipped_profiles()["troponin"].tests
    assert drawn(tests, {}, "EMPTY", Chance(1).stream("a"), sex="male", age=5) == {"troponin": None}


def test_reference_ranges_are_those_of_the_sex() -> None:
    test = shipped_profiles()["cbc"].tests["hgb"]
    assert reference_range("hgb", test, "male") != reference_range("hgb", test, "female")


def test_a_profile_of_ones_own_needs_only_a_code() -> None:
    own = OrderProfile.model_validate({"code": "99999-9 Something new", "kind": "radiology"})
    assert drawn(own.tests, {}, "HIGH", Chance(1).stream("a"), sex="male", age=5) == {}
