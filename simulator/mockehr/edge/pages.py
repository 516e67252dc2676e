"""Web pages as the workstation reads them: title, forms, where a page sends one by itself, whether it has scripts."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html.parser import HTMLParser
from typing import Final

HTML: Final = ("text/html", "application/xhtml+xml")
_REFRESH: Final = re.compile(r"\s*[\d.]*\s*[;,]?\s*(?:url\s*=)?\s*(?P<quote>['\"]?)(?P<url>.*?)(?P=quote)\s*", re.I)
_IGNORED: Final = ("application/json", "application/ld+json", "importmap", "speculationrules", "text/template")
"""Types of `script` elements that run nothing."""


@dataclass(frozen=True, slots=True)
class Field:
    """An input or a button of a form; `kind` is its type attribute (`button` for buttons)."""

    name: str
    value: str = ""
    kind: str = "text"
    checked: bool = False


@dataclass(frozen=True, slots=True)
class Form:
    """A form; `action` is as it is written."""

    action: str
    method: str
    fields: tuple[Field, ...] = ()

    @property
    def place(self) -> str:
        """The last part of where it goes: `sign-in`, `consent` …"""
        return self.action.partition("?")[0].rpartition("/")[2]

    def filled(self, **given: str) -> list[tuple[str, str]]:
        """What a browser sends: hidden fields, ticked boxes, and what was given; buttons only if given."""
        pairs = [
            (one.name, one.value)
            for one in self.fields
            if one.name
            and one.name not in given
            and (one.checked if one.kind in ("checkbox", "radio") else one.kind not in ("button", "submit", "image"))
        ]
        return pairs + list(given.items())


@dataclass(frozen=True, slots=True)
class WebPage:
    """One page of HTML."""

    title: str = ""
    refresh: str = ""
    """The address that `<meta http-equiv="refresh">` sends to, as it is written."""
    scripts: bool = False
    forms: tuple[Form, ...] = ()
    frame: str = ""
    """The address of its first frame, as it is written."""


def read_page(body: bytes, content_type: str) -> WebPage | None:
    """The page; None for what is no HTML. Whatever is in it, reading does not fail."""
    if content_type.partition(";")[0].strip().lower() not in HTML:
        return None
    reader = _Reader()
    reader.feed(body.decode("utf-8", "replace"))
    reader.close()
    forms = tuple(Form(action, method, tuple(fields)) for action, method, fields in reader.forms)
    title = " ".join("".join(reader.title).split())
    return WebPage(title, reader.refresh, reader.scripts, forms, reader.frame)


def refresh_target(text: str) -> str:
    """The address in `0; url=/next`, of a meta element or a Refresh header; empty if there is none."""
    found = _REFRESH.fullmatch(text)
    return found.group("url") if found else ""


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.title: list[str] = []
        self.refresh = ""
        self.frame = ""
        self.scripts = False
        self.forms: list[tuple[str, str, list[Field]]] = []
        self._in_title = False
        self._titled = False

    def handle_starttag(self, tag: str, attrs: Sequence[tuple[str, str | None]]) -> None:
        told = {name: value or "" for name, value in attrs}
        if tag == "title":
            self._in_title = not self._titled
        elif tag == "meta" and told.get("http-equiv", "").lower() == "refresh":
            self.refresh = self.refresh or refresh_target(told.get("content", ""))
        elif tag == "iframe":
            self.frame = self.frame or told.get("src", "")
        elif tag == "script":
            self.scripts = self.scripts or told.get("type", "").lower() not in _IGNORED
        elif tag == "form":
            self.forms.append((told.get("action", ""), told.get("method", "get").lower(), []))
        elif tag in ("input", "button") and self.forms:
            kind = "button" if tag == "button" else told.get("type", "text").lower()
            value = told.get("value", "on" if kind == "checkbox" else "")
            self.forms[-1][2].append(Field(told.get("name", ""), value, kind, "checked" in told))

    def handle_endtag(self, tag: str) -> None:
        if tag == "title" and self._in_title:
            self._in_title, self._titled = False, True

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title.append(data)
