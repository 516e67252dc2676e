"""Table 0211, its aliases, and the codecs behind them."""

import codecs

import pytest

from mockehr.hl7.charset import TABLE_0211, codec_of


def test_every_name_of_the_table_has_a_codec_of_python() -> None:
    for name, codec in TABLE_0211.items():
        assert codecs.lookup(codec)
        assert codec_of(name) == codec
        assert codec_of(name.lower()) == codec


@pytest.mark.parametrize(
    ("name", "codec"),
    [
        ("UTF-8", "utf-8"),
        ("Windows-1252", "cp1252"),
        ("cp1250", "cp1250"),
        ("ISO-8859-1", "iso8859-1"),
        ("ISO8859_15", "iso8859-15"),
        ("8859-9", "iso8859-9"),
        ("8859/12", None),
        ("hex", None),
        ("", None),
    ],
)
def test_aliases_are_known_and_other_names_are_not(name: str, codec: str | None) -> None:
    assert codec_of(name) == codec
