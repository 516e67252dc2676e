"""A callback with a state that is not the app's."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from mockehr.auth.front.steps import Redirect
from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk

STATES: Final = ("altered", "foreign", "missing")
_LETTERS: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"


@quirk("state-mismatch", family="launch", ledger=("B9",), channels=("authorize",))
@dataclass(frozen=True, slots=True)
class StateMismatch:
    """The browser comes back to the app with a good code and a `state` that is `altered` in one letter, `foreign`
    (another's altogether, as in a login CSRF), or `missing`.

    Coping: refuse the callback, do not redeem the code, tell the user to open the app again.
    """

    state: str = "foreign"

    def __post_init__(self) -> None:
        if self.state not in STATES:
            raise ValueError(f"state is {self.state!r}; it must be one of {', '.join(STATES)}")

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Change the state on the way back to the app."""
        step, reply = exchange.result, exchange.reply
        if reply is None or not isinstance(step, Redirect) or not step.uri or step.refused is not None:
            act.leave("not on the way back to the app with a code")
            return
        act.why = self.state
        address = urlsplit(reply.header("location"))
        pairs = [pair for pair in parse_qsl(address.query, keep_blank_values=True) if pair[0] != "state"]
        if self.state != "missing":
            pairs.append(("state", self._other(step.state, act)))
        reply.set_header("Location", urlunsplit(address._replace(query=urlencode(pairs))))

    def _other(self, state: str, act: Act) -> str:
        if self.state == "foreign" or not state:
            return "".join(act.dice.choice(_LETTERS) for _ in range(22))
        return state[:-1] + ("A" if state[-1] != "A" else "B")
