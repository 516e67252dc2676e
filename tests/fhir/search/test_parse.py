import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.fhir.search.parse import parse_pairs, parse_parameter, parse_query, split_escaped, split_prefix, unescape


def test_order_duplicates_and_empty_values_are_kept():
    assert parse_pairs("b=1&a=2&b=3&c=&d&&") == [("b", "1"), ("a", "2"), ("b", "3"), ("c", ""), ("d", "")]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("name=van+der%20Berg", ("name", "van der Berg")),
        ("code=http%3A%2F%2Floinc.org%7C1-1", ("code", "http://loinc.org|1-1")),
        ("family%3Aexact=N%C3%BA%C3%B1ez", ("family:exact", "Núñez")),
        ("family=%FF", ("family", "\ufffd")),
        ("family=100%", ("family", "100%")),
        ("a=b=c", ("a", "b=c")),
    ],
)
def test_names_and_values_are_percent_decoded(query, expected):
    assert parse_pairs(query) == [expected]


def test_modifier_and_chain_are_taken_apart():
    parameter = parse_parameter("subject:Patient.name:exact", "Smith,Jones")
    assert (parameter.name, parameter.modifier, parameter.chain) == ("subject", "Patient", "name:exact")
    assert parameter.values == ("Smith", "Jones")
    assert parameter.raw == "Smith,Jones"


def test_an_escaped_comma_does_not_part_values():
    assert parse_parameter("name", r"a\,b,c").values == (r"a\,b", "c")
    assert unescape(r"a\,b\|c\$d\\e\n") == r"a,b|c$d\e\n"


@pytest.mark.parametrize(
    ("text", "separator", "parts"),
    [
        (r"a\|b|c", "|", [r"a\|b", "c"]),
        (r"a\\|b", "|", ["a\\\\", "b"]),
        ("a$b", "$", ["a", "b"]),
        ("\\", ",", ["\\"]),
        ("", ",", [""]),
    ],
)
def test_separators_part_only_where_no_backslash_precedes(text, separator, parts):
    assert split_escaped(text, separator) == parts


def test_a_prefix_is_eq_unless_written():
    assert split_prefix("ge2024") == ("ge", "2024")
    assert split_prefix("2024") == ("eq", "2024")


@given(st.lists(st.text(alphabet="ab,$|\\", min_size=1), min_size=1))
def test_escaping_then_parsing_gives_the_texts_back(texts):
    def escape(text):
        for letter in "\\,$|":
            text = text.replace(letter, "\\" + letter)
        return text

    parameter = parse_parameter("x", ",".join(escape(text) for text in texts))
    assert [unescape(value) for value in parameter.values] == texts


@given(st.text())
def test_parsing_any_text_never_raises(text):
    assert all(parameter.values for parameter in parse_query(text))
