"""A workstation whose browser keeps no cookies for apps and opens no windows."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import urlencode

from mockehr.auth.launches import Opening
from mockehr.quirks.base import Act, quirk

BLOCKED: Final = ("cookies", "popups")


@quirk("blocked-cookies", family="launch", ledger=("B8",), channels=("launch",))
@dataclass(frozen=True, slots=True)
class BlockedCookies:
    """The workstation's browser blocks what is in `blocked` (`cookies`, `popups`) for the app that is opened.

    A headless workstation is told so. For a real browser there is `framed`: the hospital's own page is loaded, which
    opens the app in a frame without storage, scripts' cookies and windows. Cookies that the app's server sets are
    refused by the browser itself where the app lies at another site than the hospital: on one machine, reach one of
    them as `localhost` and the other as `127.0.0.1`. Coping: keep nothing in the browser; find the launch again by
    `state` on the app's server.
    """

    blocked: tuple[str, ...] = BLOCKED
    framed: bool = False

    def __post_init__(self) -> None:
        wrong = [name for name in self.blocked if name not in BLOCKED]
        if wrong or not self.blocked:
            raise ValueError(f"blocked is {self.blocked!r}; it may have {', '.join(BLOCKED)}")

    def on_launch(self, opening: Opening, act: Act) -> Opening:
        """Open the app with less than it may expect."""
        act.why = f"no {', no '.join(self.blocked)}" + (", in a frame" if self.framed else "")
        app = opening.app
        if self.framed:
            app = f"{act.world.page_address('embed', opening.iss)}?{urlencode({'app': app})}"
        cookies = opening.cookies and "cookies" not in self.blocked
        popups = opening.popups and "popups" not in self.blocked
        return replace(opening, app=app, cookies=cookies, popups=popups)
