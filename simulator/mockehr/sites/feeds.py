"""One outbound HL7 feed: how it is connected, what it carries, what it does when the peer does not take a message."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from types import MappingProxyType
from typing import Any, Final, Literal, Protocol, get_args

from mockehr.core.exchange import Exchange
from mockehr.hl7.dialect import Dialect
from mockehr.hl7.habits import Reaction as Deed
from mockehr.hl7.habits import SendHabit
from mockehr.hl7.header import Header

Mishap = Literal["AE", "AR", "CE", "CR", "timeout", "unmatched", "lost"]
"""Why a message was not taken: a negative code, no answer in time, an answer to something else (or none that can be
read), or no connection, or one that was lost before the answer."""
Full = Literal["drop-oldest", "refuse", "block"]
"""What a full queue does: gives up its oldest, tells nothing of new changes, or holds changes back until there is
room, and then tells of them as they are by then."""
MISHAPS: Final[tuple[Mishap, ...]] = get_args(Mishap)
NEGATIVE: Final = frozenset({"AE", "AR", "CE", "CR"})
UNTOLD_KEPT: Final = 1000
_HABIT: Final[Mapping[str, str]] = MappingProxyType(
    {"AE": "on_error", "CE": "on_error", "AR": "on_reject", "CR": "on_reject"}
    | {"timeout": "on_silence", "lost": "on_silence", "unmatched": "on_stranger"}
)
"""The field of SendHabit that decides."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What a link does with what was not taken, where its dialect's habit is another, and how much may wait.

    None: as the habit has it. Waits are site seconds.
    """

    deeds: Mapping[Mishap, Deed] = field(default_factory=dict)
    retry_waits: tuple[float, ...] | None = None
    """Before the second attempt, the third …; the last one goes on."""
    attempts: int | None = None
    """How often a message is sent at most; 0 sets no bound."""
    exhausted: Deed | None = None
    """What happens after that many."""
    queue: int = 10_000
    """How many may wait."""
    full: Full = "drop-oldest"

    def deed(self, mishap: Mishap, attempt: int, habit: SendHabit) -> Deed:
        """What to do with a message after its attempt of that number (from 1) ended so."""
        deed: Deed = self.deeds.get(mishap) or getattr(habit, _HABIT[mishap])
        bound = habit.attempts if self.attempts is None else self.attempts
        return (self.exhausted or habit.then) if deed == "retry" and 0 < bound <= attempt else deed

    def wait(self, attempt: int, habit: SendHabit) -> float:
        """Seconds between that attempt and the next."""
        waits = habit.waits if self.retry_waits is None else self.retry_waits
        return waits[min(attempt, len(waits)) - 1] if waits else 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Tls:
    """TLS of one connection, by PEM files. `ca` is whom to trust; a listener with it wants clients to have one."""

    certificate: str = ""
    key: str = ""
    ca: str = ""
    check_names: bool = True
    server_name: str = ""
    test: bool = False
    """Certificates of a test authority, made on demand, in place of files."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Connection:
    """How a link reaches its peer. Times are wall seconds."""

    role: Literal["dial", "wait"] = "dial"
    """`wait`: the peer dials the link's host and port."""
    timeout: float | None = None
    """For an acknowledgement; None: as the dialect's habit has it, like `persistent`."""
    connect_timeout: float = 5.0
    window: int = 1
    """How many messages may be unanswered at a time."""
    persistent: bool | None = None
    """False: a connection for each message."""
    keep_alive: float | None = None
    """Seconds of silence after which TCP asks whether the peer is there; None: never."""
    release: Literal[1, 2] = 1
    """Of MLLP."""
    await_application: bool | None = None
    """Whether an accept acknowledgement (CA) is not yet the answer; None: as MSH-15 and MSH-16 of the dialect say."""
    ack_port: int | None = None
    """Acknowledgements come over a second connection, to this port here."""
    tls: Tls | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """Messages of a link that are sent together: each `every` site seconds, or when there are `messages` of them.

    With `folder` they become a batch file there (relative to the site's folder for files that go out, `.` for
    itself), else they leave in a burst. `headers`: FHS, BHS, BTS and FTS are written, `counts` may make them lie.
    """

    every: float = 0.0
    messages: int = 0
    folder: str = ""
    headers: bool = True


class Bearer(Protocol):
    """Who takes what waits on a link that leads to a site in memory."""

    def carry(self) -> None:
        """Take what may go."""

    def end(self) -> None:
        """Wait for no answer any more."""


@dataclass(slots=True)
class Link:
    """One feed to one peer. `messages` are types and triggers it carries, may hold `*`; `ready` waits to be sent."""

    name: str
    host: str
    port: int
    messages: tuple[str, ...] = ("*",)
    dialect: Dialect | None = None
    """How this peer is written to; None: as the site writes to all."""
    relay: bool = False
    """Whether what came in over HL7 is told on."""
    policy: Policy = field(default_factory=Policy)
    connection: Connection = field(default_factory=Connection)
    batch: Gathering | None = None
    sequence: bool = False
    """Whether MSH-13 counts the messages."""
    inner: bool = False
    """It leads to a site of the same process, in memory (`mockehr.sites.interposing`)."""
    number: int = 0
    ready: deque[Exchange] = field(default_factory=deque)
    acknowledged: int = 0
    failed: int = 0
    """Given up: refused, never answered, or pushed out of a full queue."""
    retried: int = 0
    bound: int = 0
    """The port in use: of the peer, or ours where the peer dials. 0 before the first message."""
    ack_bound: int = 0
    """The port of the second connection, if acknowledgements come over one."""
    stopped: str = ""
    """Why nothing is sent until somebody resumes it; empty while it runs."""
    in_flight: int = 0
    resting: dict[int, tuple[Exchange, Callable[[], None]]] = field(default_factory=dict)
    """Messages that will be sent again, by number, and what cancels their waiting; they hold up those behind them."""
    held: list[tuple[Exchange, int]] = field(default_factory=list)
    """Messages that are being overtaken, and by how many more."""
    untold: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=UNTOLD_KEPT))
    """Changes of which no message could be written: number of the change, and why."""
    behind: int | None = None
    """The last change that was told before a full queue held back those after it."""
    last_sequence: int = 0
    greeted: bool = False
    """Whether the link was started by a message numbered 0 (sequence number protocol)."""
    due: Callable[[], None] | None = None
    """Cancels the time at which a batch closes; None while none gathers."""
    pause: Callable[[], None] | None = None
    """Cancels the wait before a counting link is started again; None while none is waited."""
    released: int = 0
    """Of a link that gathers: how many of those in `ready` belong to batches that are closed."""

    @property
    def waiting(self) -> int:
        """How many messages are not answered or given up yet, but for those that are just being sent."""
        return len(self.ready) + len(self.held) + len(self.resting)

    def carries(self, kind: str) -> bool:
        """Whether messages of that kind go over this link."""
        return any(fnmatchcase(kind, pattern) for pattern in self.messages)

    def status(self) -> dict[str, Any]:
        """What is to be told of it, without secrets."""
        return {
            "link": self.name,
            "peer": self.name if self.inner else f"{self.host}:{self.bound or self.port}",
            "role": self.connection.role,
            "messages": list(self.messages),
            "number": self.number,
            "waiting": self.waiting,
            "in_flight": self.in_flight,
            "acknowledged": self.acknowledged,
            "failed": self.failed,
            "retried": self.retried,
            "stopped": self.stopped,
            "untold": [{"change": number, "why": why} for number, why in self.untold],
        }


def awaited(header: Header) -> Literal["answer", "complaint", "nothing"]:
    """Whether a message of that header wants an answer, only one that complains, or none (MSH-15, MSH-16)."""
    conditions = {header.accept_condition or "NE", header.application_condition or "NE"}
    if not header.accept_condition and not header.application_condition:
        return "answer"
    return "nothing" if conditions == {"NE"} else "complaint" if conditions <= {"NE", "ER"} else "answer"
