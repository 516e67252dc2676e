"""JSON text taken apart and put together: what is not touched stays as it stands."""

from __future__ import annotations

import pytest

from mockehr.fhir.splice import items, members, with_members


@pytest.mark.parametrize(
    ("text", "values", "made"),
    [
        (b'{"meta": 1, "a": 2.50}', {"meta": None}, b'{ "a": 2.50}'),
        (b'{"a":1 , "meta":{"x":[1,{}]} ,"b":2}', {"meta": None}, b'{"a":1 ,"b":2}'),
        (b'{"meta":1}', {"meta": None}, b"{}"),
        (b'{"meta":1}', {"meta": None, "id": b'"x"'}, b'{"id":"x"}'),
        (b'{"a":1,"b":2}', {"id": b'"x"'}, b'{"a":1,"id":"x","b":2}'),
        (rb'{"a":1,"\u0069d":"old"}', {"id": b'"x"'}, rb'{"a":1,"\u0069d":"x"}'),
        (rb'{"a":"}\",{","id":"old"}', {"id": b'"x"'}, rb'{"a":"}\",{","id":"x"}'),
        (b"{}", {"id": b'"x"'}, b'{"id":"x"}'),
    ],
)
def test_members_are_set_and_taken_out_and_all_else_stays(
    text: bytes, values: dict[str, bytes | None], made: bytes
) -> None:
    assert with_members(text, values) == made


def test_spans_of_members_and_items_are_those_of_their_values() -> None:
    text = rb'{"a" : [1 , {"b":[2]},"x,]"] , "c\n": null}'
    found = dict(members(text))
    assert {name: text[slice(*span)] for name, span in found.items()} == {
        "a": rb'[1 , {"b":[2]},"x,]"]',
        "c\n": b"null",
    }
    assert [text[slice(*span)] for span in items(text, found["a"])] == [b"1", b'{"b":[2]}', b'"x,]"']
