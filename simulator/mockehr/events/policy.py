"""How one endpoint is served: what counts as taken, when it is asked again, in which order, and when no more."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, Final, Literal

from mockehr.core.clock import duration
from mockehr.core.errors import ConfigError, nearest_names

Order = Literal["any", "fifo"]
Exhausted = Literal["dead", "drop"]


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
    batch: int = 1
    """Events in one delivery, at most."""
    batch_wait: float = 1.0
    """Seconds that an event waits for others, where `batch` is more than 1."""

    def __post_init__(self) -> None:
        problems = [
            f"{name}: {getattr(self, name)} is too small; it must be {least:g} or more"
            for name, least in (("at_once", 1), ("batch", 1), ("off_after", 0), ("within", 0), ("batch_wait", 0))
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


_SPANS: Final = frozenset({"within", "timeout", "batch_wait"})
_WORDS: Final[Mapping[str, tuple[str, ...]]] = {"order": ("any", "fifo"), "exhausted": ("dead", "drop")}


def policy_from(settings: Mapping[str, Any], base: Policy | None = None) -> Policy:
    """`base` (the plain one unless told) with settings by name laid over it.

    Durations may be written like `10s`; `accepts` is `2xx`, `<400`, a status, or several with commas. Raises
    ConfigError with everything that is wrong.
    """
    known = [item.name for item in fields(Policy) if item.name != "below"]
    problems: list[str] = []
    told: dict[str, Any] = {}
    for name, value in settings.items():
        if name not in known:
            near = nearest_names(name, known, limit=1)
            problems.append(f"there is no setting {name!r}" + (f"; nearest: {near[0]}" if near else ""))
            continue
        try:
            told |= _read(name, value)
        except ValueError as error:
            problems.append(f"{name}: {error}")
    if problems:
        raise ConfigError("Deliveries cannot be made like that.", problems, remedy=f"Settings: {', '.join(known)}.")
    return replace(base or Policy(), **told)


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
