"""Encoding mistakes are told by their result."""

import pytest

from mockehr.sites.damage import damage, same_text


@pytest.mark.parametrize(
    ("expected", "got", "words"),
    [
        ("Núñez", "N\ufffd\ufffdez", "U+FFFD"),
        ("Núñez", "NÃºÃ±ez", "UTF-8 read as Windows-1252"),
        ("Núñez", "NÃƒÂºÃƒÂ±ez", "2 times over"),
        ("Núñez", "Nez", "characters dropped"),
        ("Núñez", "N??ez", "question marks"),
        ("Núñez", "Nunez", "accents dropped"),
        ("Łukasz Sørensen", "Lukasz Sorensen", "accents dropped"),
        ("O’Brien", "O\x92Brien", "Windows-1252 read as Latin-1"),
        ("O’Brien", "Oâ€™Brien", "UTF-8 read as Windows-1252"),
        ("Müller", "\ufeffMüller", "byte order mark"),
        ("Müller", "M\udcfcller", "lone surrogates"),
        ("Müller", "M³ller", "read as cp850"),
    ],
)
def test_the_mistake_behind_a_damaged_text_is_named(expected: str, got: str, words: str) -> None:
    assert words in damage(expected, got)


@pytest.mark.parametrize(
    ("expected", "got"), [("Smith", "Smyth"), ("Núñez", "Nuñes"), ("Müller", "Mueller"), ("", "x"), ("Zoë", "")]
)
def test_an_ordinary_change_of_text_is_no_encoding_damage(expected: str, got: str) -> None:
    assert damage(expected, got) == ""


def test_canonically_equivalent_texts_are_the_same_text() -> None:
    assert same_text("Zoe\u0308", "Zo\u00eb")
    assert damage("Zoe\u0308", "Zo\u00eb") == ""
