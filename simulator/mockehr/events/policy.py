"""How one endpoint is served: what counts as taken, when it is asked again, in which order, and when no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from mockehr.core.clock import duration
from mockehr.core.errors import ConfigError, nearest_names

Order = Literal["any", "fifo"]
Exhausted = Literal["dead", "drop"]
_LEAST: Final = (
    *(("at_once", 1), ("batch", 1)),
    *((name, 0) for name in ("off_after", "off_never", "off_stale", "off_stale_after", "within", "batch_wait")),
)


@dataclass(frozen=True, slots=True)
class Policy:
    """The rules of delivery to one endpoint. Seconds are of the site's clock, but for `timeout`."""

    ladder: tuple[float, ...] = (10.0, 60.0, 600.0, 3600.0)
    """Seconds before the second attempt, the third …"""
    repeats: bool = False
    """Go on with the last wait until the endpoint takes it."""
    within: float = 0.0
    """Seconds after the first attempt beyond which nobody tries again; 0 sets no bound."""
    accepts: tuple[int, ...] = ()
    """The statuses that count as taken; empty for all below `below`, from 200."""
    below: int = 300
    order: Order = "any"
    """`fifo`: one at a time, and while the first is not taken nothing follows."""
    at_once: int = 8
    """Deliveries that may be under way to this endpoint."""
    timeout: float = 10.0
    """Wall seconds that an answer may take."""
    exhausted: Exhausted = "dead"
    """What becomes of a delivery after its last attempt: kept as a dead letter, or forgotten."""
    off_after: int = 0
    """Failures in a row after which the endpoint is told nothing more; 0 for never."""
    off_never: int = 0
    """Failures after which an endpoint that never took anything is told nothing more; 0 for any number."""
    off_stale: float = 0.0
    """Seconds without success after which an endpoint that failed `off_stale_after` times is told nothing more."""
    off_stale_after: int = 0
    """Failures in a row that this wants; 0 for never."""
    batch: int = 1
    """Events in one delivery, at most."""
    batch_wait: float = 1.0
    """Seconds that an event waits for others, where `batch` is more than 1."""

    def __post_init__(self) -> None:
        problems = [
            f"{name}: {getattr(self, name)} is too small; it must be {least:g} or more"
            for name, least in _LEAST
            if getattr(self, name) < least
        ]
        problems += [f"ladder: {wait:g} is no wait" for wait in self.ladder if wait < 0]
        if self.timeout <= 0:
            problems.append(f"timeout: {self.timeout:g} leaves no time for an answer")
        if self.repeats and not self.ladder:
            problems.append("repeats: wants a ladder to repeat the last wait of")
        if problems:
            raise ConfigError("Deliveries cannot be made like that.", problems)

    def takes(self, status: int) -> bool:
        """Whether an answer of that status counts as taken; 0 stands for no answer."""
        return status in self.accepts if self.accepts else 200 <= status < self.below

    def wait(self, attempt: int, since_first: float) -> float | None:
        """Seconds between that attempt (from 1), which failed, and the next; None if there is no next."""
        if not self.ladder or (attempt > len(self.ladder) and not self.repeats):
            return None
        wait = self.ladder[min(attempt, len(self.ladder)) - 1]
        return None if self.within and since_first + wait > self.within else wait

    def gives_up(self, failures: int, since_success: float | None) -> str:
        """Why an endpoint is told nothing more after so many failures in a row; empty if it still is.

        `since_success` are the seconds since it took something; None if it never did.
        """
        if since_success is None:
            return f"never a success, and {failures} failures" if 0 < self.off_never <= failures else ""
        if 0 < self.off_stale_after <= failures and since_success >= self.off_stale:
            return f"{failures} failures in a row, and no success for {since_success:g} s"
        return ""


PRESETS: Final[Mapping[str, Policy]] = MappingProxyType(
    {
        # 2xx within 2 s, at least once, for an hour; how long between attempts is not documented
        "athena": Policy(ladder=(10.0, 30.0, 60.0, 300.0, 600.0), repeats=True, within=3600.0, timeout=2.0),
        # at once, then slower and slower, then about every two minutes until it is taken; nothing follows before that
        "redox": Policy(
            ladder=(0.0, 10.0, 10.0, 20.0, 30.0, 50.0, 80.0, 120.0), repeats=True, below=400, order="fifo"
        ),
        # its page on failures, and its page on subscriptions, which says otherwise
        "health-gorilla": Policy(ladder=(5.0, 30.0, 120.0, 600.0), accepts=(200, 202), exhausted="drop"),
        "health-gorilla-steady": Policy(
            ladder=(900.0,), repeats=True, accepts=(200, 202), off_never=21, off_stale=259200.0, off_stale_after=11
        ),
        # what Standard Webhooks suggests ("Deliverability and reliability")
        "standard": Policy(
            ladder=(5.0, 300.0, 1800.0, 7200.0, 18000.0, 36000.0, 50400.0, 72000.0, 86400.0), timeout=20.0
        ),
    }
)
"""Rules of delivery by name: what senders document."""


_SPANS: Final = frozenset({"within", "timeout", "batch_wait", "off_stale"})
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {"order": ("any", "fifo"), "exhausted": ("dead", "drop")}


def policy_from(settings: Mapping[str, Any], base: Policy | None = None) -> Policy:
    """`base` (the plain one unless told, or the one of PRESETS that `preset` names) with settings laid over it.

    Durations may be written like `10s`; `accepts` is `2xx`, `<400`, a status, or several with commas. Raises
    ConfigError with everything that is wrong.
    """
    known = [item.name for item in fields(Policy) if item.name != "below"]
    problems: list[str] = []
    told: dict[str, Any] = {}
    preset = settings.get("preset")
    if preset is not None and preset not in PRESETS:
        problems.append(f"preset: {preset!r} is not one of {', '.join(PRESETS)}")
    for name, value in settings.items():
        if name == "preset":
            continue
        if name not in known:
            near = nearest_names(name, known, limit=1)
            problems.append(f"there is no setting {name!r}" + (f"; nearest: {near[0]}" if near else ""))
            continue
        try:
            told |= _read(name, value)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise ConfigError(
            "Deliveries cannot be made like that.", problems, remedy=f"Settings: preset, {', '.join(known)}."
        )
    return replace(PRESETS[str(preset)] if preset is not None else base or Policy(), **told)


def _read(name: str, value: Any) -> dict[str, Any]:
    if name == "ladder":
        waits = [part for part in value.split(",") if part.strip()] if isinstance(value, str) else value
        if not isinstance(waits, list | tuple):
            raise ValueError(f"{value!r} is no list of waits such as [10s, 1m]")
        return {name: tuple(_span(wait) for wait in waits)}
    if name == "accepts":
        return _statuses(value)
    if name in _SPANS:
        return {name: _span(value)}
    if name in _WORDS:
        if value not in _WORDS[name]:
            raise ValueError(f"{value!r} is not one of {', '.join(_WORDS[name])}")
        return {name: value}
    if name == "repeats":
        if not isinstance(value, bool):
            raise ValueError(f"{value!r} is neither true nor false")
        return {name: value}
    if isinstance(value, bool) or not isinstance(value, int):
        raise ValueError(f"{value!r} is no whole number")
    return {name: value}


def _statuses(value: Any) -> dict[str, Any]:
    text = str(value).strip() if isinstance(value, str | int) else ",".join(str(part) for part in value)
    if text.lower() == "2xx":
        return {"accepts": (), "below": 300}
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if text.startswith("<") and text[1:].strip().isdigit():
        return {"accepts": (), "below": int(text[1:])}
    if not parts or not all(part.isascii() and part.isdigit() and 100 <= int(part) <= 599 for part in parts):
        raise ValueError(f"{value!r} names no statuses; write 2xx, <400, or 200,202")
    return {"accepts": tuple(int(part) for part in parts)}


def _span(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError(f"{value!r} is no span of time such as 30s")
    seconds = duration(value)
    if seconds < 0:
        raise ValueError(f"{value!r} is no span of time such as 30s")
    return seconds
