"""Ids are computed both ways, and what was never given out is refused."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mockehr.core.chance import Chance
from mockehr.personalities.ids import (
    LONG_FROM,
    ORDINALS,
    PAGES,
    WRITTEN_FROM,
    CleanIds,
    IdCodec,
    Numbers,
    Scramble,
    clean_id,
    packed,
    place_of,
    unpacked,
)
from mockehr.personalities.load import load_personality
from mockehr.personalities.model import SiteFacts

TYPES = {
    "generic": [("Patient", ""), ("Observation", ""), ("Practitioner", "")],
    "epic": [
        ("Patient", ""),
        ("Observation", ""),
        ("Binary", "rtf"),
        ("Condition", "encounter-diagnosis"),
        ("Goal", ""),
    ],
    "oracle": [
        ("Patient", ""),
        ("Observation", "laboratory"),
        ("Observation", "blood-pressure"),
        ("Condition", "health-concern"),
        ("Condition", "encounter-diagnosis"),
        ("Immunization", ""),
        ("Binary", "xml"),
        ("Encounter", ""),
    ],
}


def codec(vendor: str, seed: int = 1) -> IdCodec:
    facts = SiteFacts("north", Chance(seed).key)
    return load_personality(vendor).ids(facts)


@given(
    vendor=st.sampled_from(sorted(TYPES)),
    which=st.integers(0, 7),
    index=st.none() | st.integers(0, 10**8 - 1),
    ordinal=st.integers(0, 4095),
)
def test_every_place_survives_the_way_there_and_back(
    vendor: str, which: int, index: int | None, ordinal: int
) -> None:
    kind, flavour = TYPES[vendor][which % len(TYPES[vendor])]
    ordinal = 0 if kind == "Patient" and index is not None else ordinal
    ids = codec(vendor)
    text = ids.encode(kind, index, ordinal, flavour)
    assert ids.decode(kind, text) == (index, ordinal)
    assert re.fullmatch(r"[A-Za-z0-9.-]{1,64}", text)


@given(text=st.text(max_size=60), vendor=st.sampled_from(sorted(TYPES)))
def test_no_text_upsets_a_codec(text: str, vendor: str) -> None:
    ids = codec(vendor)
    place = ids.decode("Observation", text)
    assert place is None or place[1] >= 0


def test_another_site_or_another_type_does_not_know_an_id() -> None:
    here, there = codec("epic"), codec("epic", seed=2)
    text = here.encode("Encounter", 17, 3)
    assert there.decode("Encounter", text) is None
    assert here.decode("Observation", text) is None


def test_an_opaque_id_with_one_letter_changed_is_refused() -> None:
    ids = codec("epic")
    text = ids.encode("Patient", 12_345, 0)
    changed = [text[:n] + ("A" if text[n] != "A" else "B") + text[n + 1 :] for n in range(1, len(text) - 1)]
    assert [ids.decode("Patient", one) for one in changed] == [None] * len(changed)


def test_opaque_ids_come_in_two_families() -> None:
    ids = codec("epic")
    assert re.fullmatch(r"e[A-Za-z0-9.-]{22}3", ids.encode("Patient", 1, 0))
    assert re.fullmatch(r"f[A-Za-z0-9.-]{43}4", ids.encode("Observation", 1, 5))
    note, rtf = ids.encode("Binary", 1, 5), ids.encode("Binary", 1, 5, "rtf")
    assert (ids.flavour("Binary", note), ids.flavour("Binary", rtf)) == ("", "rtf")


def test_longer_ids_than_fhir_allows_can_be_asked_for() -> None:
    personality = load_personality("epic", {"ids": {"lengths": {"AllergyIntolerance": 92}}})
    ids = personality.ids(personality.facts)
    text = ids.encode("AllergyIntolerance", 3, 9)
    assert len(text) == 92
    assert ids.decode("AllergyIntolerance", text) == (3, 9)


def test_numbered_ids_show_what_they_are() -> None:
    ids = codec("oracle")
    assert ids.encode("Patient", 3, 0).isdigit()
    assert ids.encode("Observation", 3, 4, "laboratory").startswith("L-")
    assert ids.encode("Observation", 3, 4, "vital-signs").startswith("VS-")
    assert re.fullmatch(r"BP-\d+-\d+", ids.encode("Observation", 3, 4, "blood-pressure"))
    assert re.fullmatch(r"p\d+", ids.encode("Condition", 3, 4, "problem-list-item"))
    assert re.fullmatch(r"d\d+", ids.encode("Condition", 3, 4, "encounter-diagnosis"))
    assert re.fullmatch(r"[0-9a-f-]{36}", ids.encode("Condition", 3, 4, "health-concern"))
    assert re.fullmatch(r"M\d+", ids.encode("Immunization", 3, 4))


def test_small_populations_have_numbers_of_eight_digits() -> None:
    ids = codec("oracle")
    assert {len(ids.encode("Patient", index, 0)) for index in range(1000)} == {8}


def test_numbers_do_not_repeat() -> None:
    numbers = Numbers(b"key")
    made = [numbers.encode(value) for value in range(5000)]
    assert len(set(made)) == 5000
    assert [numbers.decode(number) for number in made] == list(range(5000))


@given(bits=st.sampled_from([2, 8, 26, 132]), data=st.data())
def test_a_scramble_undoes_itself(bits: int, data: st.DataObject) -> None:
    scramble = Scramble(b"key", bits)
    value = data.draw(st.integers(0, (1 << bits) - 1))
    assert scramble.backward(scramble.forward(value)) == value
    assert 0 <= scramble.forward(value) < 1 << bits


def test_clean_ids_are_read_strictly() -> None:
    assert place_of("p12") == (12, 0)
    assert place_of("p12-7") == (12, 7)
    assert place_of("d4") == (None, 4)
    assert [place_of(text) for text in ("p012", "p1-", "x3", "d", "p1-02")] == [None] * 5
    ids = CleanIds()
    assert ids.decode("Patient", "p3-1") is None
    assert ids.decode("Observation", "p3-1") == (3, 1)
    assert clean_id("Patient", 3, 0) == "p3"


def test_long_charts_are_numbered_apart_from_short_ones_and_from_what_was_written() -> None:
    places = [(0, 0), (5, ORDINALS - 1), (5, ORDINALS), (5, PAGES * ORDINALS - 1), (LONG_FROM - 1, ORDINALS)]
    places += [(LONG_FROM, 0), (WRITTEN_FROM - 1, 7), (WRITTEN_FROM + 1, 0), (WRITTEN_FROM + LONG_FROM - 1, 0)]
    numbers = [packed(*place) for place in places]
    assert [unpacked(number) for number in numbers] == places
    assert len(set(numbers)) == len(places)
    assert packed(5, 17) == 5 * ORDINALS + 17
    assert max(numbers) < 2**43
    for wrong in ((5, PAGES * ORDINALS), (LONG_FROM, ORDINALS)):
        with pytest.raises(ValueError, match="at most"):
            packed(*wrong)
