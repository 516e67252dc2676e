"""Unity over SOAP: the same calls and rows, as a Microsoft DataSet in a diffgram. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from mockehr.core.exchange import Reply
from mockehr.personalities.markup import Element, NoMarkup, read_markup, write_markup
from mockehr.personalities.veradigm.unity.words import Row

NAMESPACE: Final = "http://www.allscripts.com/Unity"
_ENVELOPE: Final = "http://schemas.xmlsoap.org/soap/envelope/"
_DIFFGRAM: Final = "urn:schemas-microsoft-com:xml-diffgram-v1"
_DATA: Final = "urn:schemas-microsoft-com:xml-msdata"
_SCHEMA: Final = "http://www.w3.org/2001/XMLSchema"


def read_call(body: bytes) -> Element | None:
    """`Magic`, `GetSecurityToken` or `RetireSecurityToken` and what was told; None if the body is no envelope."""
    try:
        envelope = read_markup(body)
    except NoMarkup:
        return None
    inner = envelope.find("Body") if envelope.name == "Envelope" else None
    return inner.children[0] if inner is not None and inner.children else None


def told_by(call: Element) -> dict[str, str]:
    """Its children as names and texts: `UserID` and `data` here, where JSON has AppUserID and Data."""
    return {one.name: one.text for one in call.children}


def answer_magic(action: str, rows: Sequence[Row]) -> Reply:
    """The rows of an action."""
    response, info = f"{action.lower()}response", f"{action.lower()}info"
    told = [
        Element(
            info,
            {"diffgr:id": f"{info}{number + 1}", "msdata:rowOrder": str(number)},
            children=[Element(name, text=value) for name, value in row.items()],
        )
        for number, row in enumerate(rows)
    ]
    dataset = Element(response, {"xmlns": ""}, children=told)
    diffgram = Element("diffgr:diffgram", {"xmlns:diffgr": _DIFFGRAM, "xmlns:msdata": _DATA}, children=[dataset])
    result = Element("MagicResult", children=[_schema(response, info, rows), diffgram])
    return _enveloped(Element("MagicResponse", {"xmlns": NAMESPACE}, children=[result]))


def answer_token(token: str) -> Reply:
    """The token of GetSecurityToken."""
    result = Element("GetSecurityTokenResult", text=token)
    return _enveloped(Element("GetSecurityTokenResponse", {"xmlns": NAMESPACE}, children=[result]))


def answer_retired() -> Reply:
    """That there is nothing to say."""
    return _enveloped(Element("RetireSecurityTokenResponse", {"xmlns": NAMESPACE}))


def fault(text: str) -> Reply:
    """A SOAP fault. Over HTTP it is 200 as all errors of Unity are, although SOAP 1.1 section 6.2 wants 500."""
    told = [Element("faultcode", text="s:Client"), Element("faultstring", text=text)]
    return _enveloped(Element("s:Fault", children=told))


def _enveloped(inner: Element) -> Reply:
    body = Element("s:Body", children=[inner])
    envelope = Element("s:Envelope", {"xmlns:s": _ENVELOPE}, children=[body])
    return Reply(200, [], write_markup(envelope).encode(), None, "text/xml; charset=utf-8")


def _schema(response: str, info: str, rows: Sequence[Row]) -> Element:
    columns = [
        Element("xs:element", {"name": name, "type": "xs:string", "minOccurs": "0"}) for name in (rows or [{}])[0]
    ]
    sequence = Element("xs:complexType", children=[Element("xs:sequence", children=columns)])
    table = Element("xs:element", {"name": info}, children=[sequence])
    choice = Element("xs:choice", {"minOccurs": "0", "maxOccurs": "unbounded"}, children=[table])
    whole = Element(
        "xs:element",
        {"name": response, "msdata:IsDataSet": "true", "msdata:UseCurrentLocale": "true"},
        children=[Element("xs:complexType", children=[choice])],
    )
    spaces = {"id": response, "xmlns:xs": _SCHEMA, "xmlns": "", "xmlns:msdata": _DATA}
    return Element("xs:schema", spaces, children=[whole])
