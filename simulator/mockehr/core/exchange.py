"""One type carries everything that crosses a site's border: an HTTP request, a token request, an MLLP frame, a
webhook. Every stage takes it, every journal keeps it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Final, Literal, get_args

from mockehr.core.problem import Problem

JSON = dict[str, Any]
"""A JSON object as plain Python: the only form in which resources travel."""

Channel = Literal[
    "fhir",
    "discovery",
    "authorize",
    "token",
    "oauth",
    "files",
    "feed",
    "proprietary",
    "launch",
    "webhook",
    "mllp-in",
    "mllp-out",
    "upstream",
]
"""`authorize` is what browsers see of the authorization server, `oauth` what apps ask it about tokens and themselves,
`launch` an app being opened by the hospital's workstation, `feed` the changes that a client polls, `proprietary` a
vendor's API beside FHIR."""
CHANNELS: tuple[Channel, ...] = get_args(Channel)
LEFT: Final = "left"
"""Note: after how many site seconds the client closed the connection, having waited in vain."""
CERTIFICATE: Final = "certificate"
"""Note: what was wrong with the certificate that the connection of the request was shown."""
TOOK: Final = "took"
"""Note: how many site seconds passed until the last octet of a slow reply was written."""
PROXY: Final = "proxy"
"""Note of an exchange that no client sent: the entry of the one that a proxy delivered a second time."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What one rule did to one exchange.

    `outcome` is `fired`, `skipped` by the rule, or `idle`: the quirk looked and left it as it was; `why` says why.
    """

    rule: str
    quirk: str
    capability: str
    outcome: Literal["fired", "skipped", "idle"]
    why: str = ""


@dataclass(slots=True)
class Effects:
    """What the edge does to the bytes of one reply or delivery. Seconds are site-clock seconds."""

    arrival_delay: float = 0.0
    """Wait before the request is performed (nothing is committed yet)."""
    reply_delay: float = 0.0
    """Wait after the request was performed, before the first byte of the reply."""
    reset: Literal["", "before", "midway"] = ""
    """Cut the connection: before any byte, or after half of the body."""
    cut_at: int | None = None
    """Send only this many body bytes under the full Content-Length, then close."""
    drip: tuple[int, float] | None = None
    """(octets, seconds): send the body in pieces of that size with that pause between them."""
    close: bool = False
    """Close the connection after the reply."""
    lost: bool = False
    """Send nothing at all and close: the work was done, the peer never hears of it."""
    hang: bool = False
    """HTTP: keep the connection open and send nothing more, until the peer or the server gives up."""
    misstated: int = 0
    """HTTP: by how many octets the Content-Length says more than there is, or, negative, less."""
    chunked: bool = False
    """HTTP: send the body in chunks, without a Content-Length."""
    twice: Literal["", "first", "last"] = ""
    """HTTP: a proxy delivers the request a second time; the answer that it passes on."""
    idle_cut: bool = False
    """HTTP: close the connection after the reply, without having said so."""
    certificate: str = ""
    """HTTPS: what is wrong with the certificate that a handshake shows."""
    deaf: float = 0.0
    """HTTP: cut this connection, and take no new ones on the site's own port for so many seconds."""
    split: int | None = None
    """MLLP: write the frame in pieces of this many octets."""
    prefix: bytes = b""
    """Bytes sent before the reply proper (garbage between frames)."""
    suffix: bytes = b""
    """MLLP: octets sent after the frame."""
    start: bytes | None = None
    """MLLP: octets in place of the start block 0B; empty leaves it out."""
    end: bytes | None = None
    """MLLP: octets in place of the end block 1C 0D; empty leaves it out."""
    copies: int = 0
    """MLLP: how many more times the frame is sent."""
    stall: bool = False
    """MLLP: read nothing more from this connection, and keep it open."""
    hold: int = 0
    """MLLP out: how many later messages of the link overtake this one."""
    dropped: bool = False
    """MLLP out: never sent, and never told."""
    packed: bool = False
    """MLLP out: sent in one write with the message that follows."""
    followed: tuple[bytes, ...] = ()
    """MLLP out: further messages, unframed, that are sent behind this one as messages of their own."""


@dataclass(slots=True)
class Reply:
    """What goes back. Either `document` (rendered to JSON or XML at the render stage) or `body` is set."""

    status: int = 200
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    document: JSON | None = None
    content_type: str = ""

    def header(self, name: str) -> str:
        """The first header of that name (case-insensitive), or the empty string."""
        lowered = name.lower()
        return next((value for key, value in self.headers if key.lower() == lowered), "")

    def set_header(self, name: str, value: str) -> None:
        """Set a header, replacing any of that name."""
        lowered = name.lower()
        self.headers = [pair for pair in self.headers if pair[0].lower() != lowered]
        self.headers.append((name, value))


@dataclass(frozen=True, slots=True)
class Interaction:
    """What is being asked for, in the channel's own words.

    FHIR: `read`, `vread`, `search`, `create`, `update`, `capabilities`, …; token: the grant type; MLLP: the message
    type and trigger such as `ADT^A01`; webhook: the topic.
    """

    name: str
    resource_type: str = ""
    id: str = ""
    version: str = ""


@dataclass(slots=True)
class Exchange:
    """Anything that crosses a site's border, with everything that the stages learn about it.

    `path` is relative to the site's FHIR base for channel `fhir`, and to the site's root otherwise, always with a
    leading slash. `headers` have lower-case names; a repeated header is joined with a comma.
    """

    channel: Channel
    method: str = "GET"
    path: str = "/"
    query: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    body: bytes = b""
    parsed: JSON | None = None
    """The body read already, where the exchange is an entry of a Bundle."""
    direction: Literal["in", "out"] = "in"
    peer: str = ""
    base_url: str = ""
    """Absolute URL of the site's FHIR base as the client addressed it, without a trailing slash."""
    # what the stages add
    number: int = 0
    at: float = 0.0
    turn: int = 0
    """How many requests came over the same connection before this one."""
    client: str = ""
    scopes: Any = None
    """The scope set of the bearer token, once authorised (`mockehr.auth.scopes.Scopes`)."""
    patient: str = ""
    """Patient context of the token, or the patient a message or delivery speaks of."""
    own: tuple[str, ...] = ()
    """Ids of the patients whose records alone the token's user may see (a patient, a parent); empty for staff."""
    interaction: Interaction | None = None
    result: Any = None
    """What `perform` answers: a Record, a SearchPage, a document, a message … or a Problem."""
    reply: Reply | None = None
    effects: Effects | None = None
    decisions: tuple[Decision, ...] = ()
    changes: tuple[int, ...] = ()
    """Numbers of the Changes that this exchange committed."""
    returned: tuple[str, ...] = ()
    """`Type/id` of resources sent back, for the audit trail and for probes."""
    header: Any = None
    """While an HL7 message is being handled: its octets, and its header as read from them."""
    notes: JSON = field(default_factory=dict)
    """Facts that a stage wants to keep for the journal, by name."""

    @property
    def problem(self) -> Problem | None:
        """The problem that this exchange ended in, if it did."""
        return self.result if isinstance(self.result, Problem) else None

    def effect(self) -> Effects:
        """This exchange's wire effects, made on first use."""
        if self.effects is None:
            self.effects = Effects()
        return self.effects
