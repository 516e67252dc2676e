"""What a quirk is: a frozen dataclass whose fields are its settings, whose docstring is its documentation, and
which has one or more of the capability methods below. It holds no probability, reads no clock and does no matching:
the rule that arms it owns where and when. A quirk whose settings leave a capability nothing to do says so with
`takes_part(channel, capability) -> bool`; where it takes no part, its rule neither counts nor decides.

Capabilities (each gets what it works on, and an Act):

    on_handshake(exchange, act)          a connection over HTTPS is about to be made; set effects
    on_request(exchange, act)            before anything is performed; may set exchange.result (a Problem), or effects
    on_launch(opening, act) -> opening   an app about to be opened; returns how it is opened instead
    on_grant(grant, act) -> grant        a token about to be issued; returns the one to issue instead
    on_read(record, act) -> record       a stored or generated record about to be shown
    on_result(exchange, act)             exchange.result is found or committed, not yet shaped
    on_reply(exchange, act)              the reply is shaped, not yet rendered (reply.body or reply.document)
    on_wire(exchange, act)               the reply is bytes; set effects
    on_deliver(delivery, act)            an outbound event, before it is sent
    on_ack(exchange, act)                an HL7 acknowledgement, as bytes in reply.body
    on_message(exchange, act)            an HL7 message about to go out, unframed in exchange.body
    on_batch(plan, act)                  a file of HL7 messages about to be written (hl7.batch.Plan)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol, TypeVar

from mockehr.core.chance import Stream
from mockehr.core.errors import nearest_names
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.page import SearchPage
from mockehr.events import Event, Hook
from mockehr.fhir.record import Record

CAPABILITIES = (
    "on_handshake",
    "on_request",
    "on_launch",
    "on_grant",
    "on_read",
    "on_result",
    "on_reply",
    "on_wire",
    "on_deliver",
    "on_ack",
    "on_message",
    "on_batch",
)


class World(Protocol):
    """The few things that a quirk may do to its site besides changing what it is given."""

    def expire_tokens(self, client: str = "") -> int:
        """End all tokens (of one client) now; returns how many."""

    def client_of(self, authorization: str) -> str:
        """Whose token an Authorization header carries; empty if nobody's."""

    def claimant(self, exchange: Exchange) -> str:
        """Who says to ask: whose bearer token it is, or the client that a token or authorization request names.

        What a request says of itself is not verified yet; empty if it says nothing.
        """

    def age_of(self, authorization: str) -> float | None:
        """For how many seconds the token of an Authorization header has been working; None if it does not work."""

    def revoke_tokens(self, *, client: str = "", authorization: str = "", renewals: bool = False) -> int:
        """Revoke one token, those of one client, or all; returns how many worked. `renewals`: refresh tokens too."""

    def end_renewal(self, refresh_token: str, *, family: bool) -> bool:
        """Let a refresh token be over, with `family` the access tokens beside it too; False if it was not good."""

    def rotate_signing_keys(self, *, keep_previous: bool) -> None:
        """Sign with new keys from now on; the previous ones stay published or not."""

    def expire_page(self, token: str, at: float) -> None:
        """Let the paging session behind `token` end at that site time."""

    def other_patient(self, patient: str) -> str:
        """Id of somebody else than that patient; empty if there is nobody."""

    def encounter_of(self, patient: str) -> str:
        """Id of that patient's latest encounter; empty if there is none."""

    def forget_launch(self, handle: str) -> bool:
        """End the launch of that handle; False if it was not open."""

    def forget_code(self, code: str) -> bool:
        """End an authorization code; False if it was not good any more."""

    def page_address(self, name: str, base_url: str) -> str:
        """Address of a page below the authorization endpoint (`idp`, `embed`, `retired`), or of the FHIR base of the
        hospital's other environment (`elsewhere`), for a client that addressed the FHIR base as `base_url`."""

    def draw(self, *names: str | int) -> float:
        """In [0, 1), by the site's seed and those names: for what must be the same whatever exchange asks."""

    def versions_of(self, resource_type: str, id: str) -> Sequence[Record]:
        """All versions of a resource as they are stored, oldest first; none of one that was never written here."""

    def cut(self, record: Record, resource_type: str, query: str, *, included: bool = False) -> bytes | JSON:
        """What `_summary` and `_elements` of a query for that type leave of a record, as the vendor's present release
        shows it; its octets where that is all of it."""

    def found_by(self, exchange: Exchange, query: str) -> Any:
        """What the search of an exchange finds with another query in place of its own: a SearchPage or a Problem."""

    def page_again(self, page: SearchPage) -> str:
        """A token that leads to that page once more; empty where pages are not reached by tokens."""

    def write_over(self, resource_type: str, id: str, elements: JSON) -> bool:
        """Commit a version with those elements as somebody else at the hospital; False if there is no such resource.

        Where an element is a list, what is given comes after what is there.
        """

    def secret_of(self, endpoint: str) -> str:
        """What events to an endpoint are signed with; empty if nothing, or if there is no such endpoint."""

    def rotate_secret(self, endpoint: str, secret: str, *, keep_old: bool) -> Hook:
        """Sign for an endpoint with another secret from now on; answers its new settings."""

    def switch_off(self, endpoint: str, why: str) -> None:
        """Tell an endpoint nothing more."""

    def skip_event_numbers(self, endpoint: str, events: Sequence[Event], count: int) -> tuple[Event, ...]:
        """Let those events, the endpoint's latest, and all that follow have numbers that are higher by `count`."""

    def replay_delivery(self, exchange: Exchange, after: float) -> None:
        """Send what was just written to an endpoint again after so many seconds, to the octet."""


@dataclass(slots=True)
class Act:
    """What a rule hands to its quirk when it fires.

    `dice` is the stream of this rule and this exchange; `memory` is the rule's own, kept on the site and reset with
    it; `now` is the site's time; `why` may be set to what was done, for the decision trace.
    """

    now: float
    world: World
    memory: dict[str, Any]
    throw: Callable[[], Stream]
    """Makes `dice`; most quirks never ask for them, and a stream wants the exchange's key, which is dear."""
    why: str = ""
    idle: bool = False
    _dice: Stream | None = None

    @property
    def dice(self) -> Stream:
        """What this rule draws from for this exchange."""
        if self._dice is None:
            self._dice = self.throw()
        return self._dice

    def leave(self, why: str) -> None:
        """Say that the quirk left the exchange as it was, and why: that does not count as a firing."""
        self.idle, self.why = True, why


@dataclass(frozen=True, slots=True)
class About:
    """What the registry knows of a quirk besides its fields."""

    name: str
    family: str
    ledger: tuple[str, ...]
    channels: tuple[str, ...]
    interactions: tuple[str, ...] = ()
    """FHIR interactions that the quirk is about when a rule names none."""
    capabilities: tuple[str, ...] = field(default=())


Q = TypeVar("Q", bound=type)


def quirk(
    name: str,
    *,
    family: str,
    ledger: tuple[str, ...],
    channels: tuple[str, ...],
    interactions: tuple[str, ...] = (),
) -> Callable[[Q], Q]:
    """Mark a frozen dataclass as the quirk called `name`; `channels` are those it can touch.

    The name says what the client sees. Raises TypeError if the class has no capability method or no docstring.
    """

    def mark(cls: Q) -> Q:
        capabilities = tuple(c for c in CAPABILITIES if hasattr(cls, c))
        if not capabilities:
            raise TypeError(f"quirk {name!r} ({cls.__qualname__}) has none of the methods {', '.join(CAPABILITIES)}")
        if not cls.__doc__ or cls.__doc__.startswith(f"{cls.__name__}("):
            raise TypeError(f"quirk {name!r} ({cls.__qualname__}) has no docstring to document it")
        cls.about = About(name, family, ledger, channels, interactions, capabilities)  # type: ignore[attr-defined]
        return cls

    return mark


def one_of(setting: str, value: str, known: Iterable[str]) -> None:
    """For the settings of a quirk: raise ValueError unless `value` is among those that are known."""
    names = list(known)
    if value not in names:
        near = nearest_names(value, names, limit=1)
        meant = f"; did you mean {near[0]}?" if near else ""
        raise ValueError(f"{setting} is {value!r}; it must be one of {', '.join(names)}{meant}")
