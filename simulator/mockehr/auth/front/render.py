"""Pages as HTML: no script, one style of their own, usable by keyboard and on a telephone.

Jinja2 is imported when the first page is asked for.
"""

from __future__ import annotations

import base64
import hashlib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockehr.auth.front.steps import Page

if TYPE_CHECKING:
    from jinja2 import Environment

_FOLDER: Final = Path(__file__).parent / "templates"
CONTENT_TYPE: Final = "text/html; charset=utf-8"


def page_html(page: Page, *, hospital: str, action: str, manage: str = "") -> bytes:
    """The page of a hospital; its forms go to `action` (the authorization endpoint) and below, or to `manage`."""
    template = _templates().get_template(f"{page.name}.html")
    return template.render(page=page, hospital=hospital, action=action, manage=manage, style=_style()).encode()


def embed_html(address: str, *, hospital: str) -> bytes:
    """A page of a hospital that opens the app at that address in a frame without cookies, storage and windows."""
    return _templates().get_template("embed.html").render(address=address, hospital=hospital, style=_style()).encode()


def page_headers() -> list[tuple[str, str]]:
    """Headers of every page: nothing is loaded, stored or told to whom one goes next.

    There is no `form-action`: browsers would hold the redirect to the app against it. Framing is allowed, since
    record systems open apps in frames.
    """
    digest = base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode("ascii")
    return [
        ("Cache-Control", "no-store"),
        ("Content-Security-Policy", f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'"),
        ("Referrer-Policy", "no-referrer"),
        ("X-Content-Type-Options", "nosniff"),
    ]


@cache
def _style() -> str:
    return (_FOLDER / "page.css").read_text("utf-8")


@cache
def _templates() -> Environment:
    from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

    return Environment(
        loader=FileSystemLoader(_FOLDER),
        autoescape=select_autoescape(),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
