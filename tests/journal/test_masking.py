"""Secrets in the bodies of proprietary APIs, wherever their vendors like them."""

from __future__ import annotations

import json

import pytest

from mockehr.core.exchange import Exchange, Reply
from mockehr.journal import entry
from mockehr.journal.masking import MASK, masked_text


@pytest.mark.parametrize(
    "body",
    [
        '{"Username":"u","Password":"s3cret","Appname":"kept"}',
        '{"username":"u", "password" : "s3\\"s3cret", "a":"kept"}',
        '{"ppmdmsg":{"@psw":"s3cret","@action":"kept"}}',
        '{"ppmdmsg":{"usercontext":{"@webserver":"x","#text":"s3cret"},"@action":"kept"}}',
        '{"Token":"s3cret","Action":"kept"}',
        '{"Action":"GetUserAuthentication","Parameter1":"s3cret","Parameter2":"kept"}',
        '{"apiKey":"kept","refreshToken":"s3cret"}',
        '{"a":"kept","Password":"s3cret',
        '{"a":"kept","password":["s3cret"]}',
        "client_id=kept&client_secret=s3cret&grant_type=password&password=s3cret",
        "client%5Fsecret=s3cret&a=kept",
        "<ppmdmsg action='kept' psw='s3cret'/>",
        '<ppmdmsg action="kept"><usercontext a="b">s3cret</usercontext></ppmdmsg>',
        "<s:Envelope><Action>kept</Action><t:Token>s3cret</t:Token></s:Envelope>",
        "<Magic><Action>kept</Action><Password><![CDATA[s3cret]]></Password></Magic>",
        "<Magic><Action>kept</Action><Password>s3cret",
    ],
)
def test_a_secret_is_masked_and_the_rest_stays(body: str) -> None:
    shown = masked_text(body)
    assert "s3cret" not in shown
    assert "kept" in shown
    assert "redacted" in shown


def test_what_has_no_secret_stays_to_the_letter() -> None:
    for body in ("a=b+c&code=1%2C2", '{"note": "the password is gone", "tokens": 5}', "<a><b c='d'/>password</a>"):
        assert masked_text(body) == body


def test_what_is_in_another_encoding_is_not_shown() -> None:
    assert masked_text("<a psw='s3cret'/>".encode("utf-16").decode("utf-8", "replace")) == MASK


def test_sessions_in_headers_and_queries_are_masked_on_the_proprietary_channel() -> None:
    headers = {"x-ng-sessionid": "s3cret", "apikey": "s3cret"}
    exchange = Exchange("proprietary", "GET", "/persons", "token=s3cret&code=kept", headers, b"password=s3cret")
    exchange.reply = Reply(200, [("X-NG-SessionId", "s3cret")])
    shown = json.dumps(entry(exchange))
    assert "s3cret" not in shown
    assert "code=kept" in shown
