"""Which client a request says that it comes from, before anything of it is verified.

For whoever has to know earlier than the authorization server: rules that are for one client, the journal of requests
that were refused on arrival.
"""

from __future__ import annotations

from urllib.parse import parse_qs

from mockehr.auth.authentication import claimed_id
from mockehr.auth.form import read_request
from mockehr.auth.refusal import Refused
from mockehr.core.exchange import Exchange


def claimed(exchange: Exchange) -> str:
    """The client that a token or authorization request names; empty for others, and if it names none."""
    if exchange.channel == "token":
        try:
            return claimed_id(read_request(exchange.body, exchange.headers, ""))
        except Refused:
            return ""
    if exchange.channel == "authorize":
        text = exchange.body.decode("utf-8", "replace") if exchange.method == "POST" else exchange.query
        return parse_qs(text).get("client_id", [""])[0]
    return ""
