"""Drawn messages are valid by two foreign readers, and of the kind, version and dialect asked for."""

from __future__ import annotations

import hl7
import pytest
from hl7apy.consts import VALIDATION_LEVEL
from hl7apy.parser import parse_message
from hypothesis import HealthCheck, given, settings

from mockehr.core.errors import UnknownName, UsageError
from mockehr.hl7.message import Message
from mockehr.testing.strategies import hl7_messages

MANY = settings(max_examples=60, deadline=None, suppress_health_check=list(HealthCheck))


@MANY
@given(hl7_messages())
def test_any_message_is_read_by_python_hl7_and_comes_out_as_it_came_in(octets: bytes) -> None:
    message = Message(octets)
    assert bytes(message) == octets
    read = hl7.parse(octets.decode(message.charset.codec))
    assert str(read.segment("MSH")[10]) == message.get("MSH-10")


@MANY
@given(hl7_messages("ADT", version="2.5.1"))
def test_admissions_pass_the_strict_level_of_hl7apy(octets: bytes) -> None:
    message = Message(octets)
    assert message.header.kind.startswith("ADT^")
    assert message.get("MSH-12").startswith("2.5.1")
    parse_message(
        octets.decode(message.charset.codec), validation_level=VALIDATION_LEVEL.STRICT, force_validation=True
    )


@given(hl7_messages("ADT^A01", dialect="epic"))
def test_names_and_numbers_are_drawn(octets: bytes) -> None:
    message = Message(octets)
    assert message.header.kind == "ADT^A01"
    assert 1 <= len(message.get("MSH-10")) <= 12
    assert message.get("PID-8") in ("F", "M", "O", "U")


def test_what_the_corpus_lacks_is_told() -> None:
    with pytest.raises(UnknownName, match="ADT"):
        hl7_messages("ADX")
    with pytest.raises(UnknownName, match="meditech"):
        hl7_messages(dialect="meditec")
    with pytest.raises(UsageError, match="of all that"):
        hl7_messages("ACK", dialect="epic", version="2.1")
