"""Every error that mockehr raises on purpose.

MockehrError                     what happened, the nearest right thing, the remedy, where to read on
├── UsageError        (exit 2)   the caller asked for something that cannot be
│   ├── UnknownName              a name that no registry has; carries the nearest ones
│   ├── DuplicateName            a name that is taken; carries both places
│   └── ConfigError              a file or setting; carries file, line and key
├── EnvironmentProblem (exit 3)  port busy, peer unreachable, file missing
└── VerdictFailed     (exit 1)   a probe, a check or a comparison said no
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class MockehrError(Exception):
    """Base of all deliberate errors.

    `what` says what happened, `nearest` names the nearest right thing, `remedy` says what to do, `reference`
    where it is documented. Only `what` is required.
    """

    exit_code = 1

    def __init__(self, what: str, *, nearest: str = "", remedy: str = "", reference: str = "") -> None:
        self.what = what
        self.nearest = nearest
        self.remedy = remedy
        self.reference = reference
        super().__init__(str(self))

    def __str__(self) -> str:
        lines = [self.what]
        if self.nearest:
            lines.append(f"  nearest: {self.nearest}")
        if self.remedy:
            lines.append(f"  remedy: {self.remedy}")
        if self.reference:
            lines.append(f"  see: {self.reference}")
        return "\n".join(lines)

    def as_json(self) -> dict[str, str]:
        """The four parts as a flat object, for `--json` and the control API."""
        parts = {
            "error": type(self).__name__,
            "what": self.what,
            "nearest": self.nearest,
            "remedy": self.remedy,
            "reference": self.reference,
        }
        return {key: value for key, value in parts.items() if value}


class UsageError(MockehrError):
    """The caller asked for something that cannot be."""

    exit_code = 2


class EnvironmentProblem(MockehrError):
    """The world around us is not as needed: a port is busy, a peer is unreachable, a file is missing."""

    exit_code = 3


class VerdictFailed(MockehrError):
    """A probe, a check or a comparison said no."""

    exit_code = 1


class UnknownName(UsageError):
    """A name that no registry has."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, reference: str = "") -> None:
        names = sorted(known)
        close = nearest_names(name, names)
        listed = ", ".join(names[:12]) + (f" and {len(names) - 12} more" if len(names) > 12 else "")
        super().__init__(
            f"There is no {kind} named {name!r}.",
            nearest=", ".join(close),
            remedy=f"Use one of: {listed}." if names else f"There is no {kind} at all so far.",
            reference=reference,
        )


class DuplicateName(UsageError):
    """A name that is already taken."""

    def __init__(self, kind: str, name: str, first: str, second: str) -> None:
        super().__init__(
            f"Two {kind}s are named {name!r}: {first} and {second}.",
            remedy="Rename one of them.",
        )


class ConfigError(UsageError):
    """A configuration file or setting that does not hold; `problems` are all of them, not just the first.

    `setting` is the way to a single one, with points, if that is known.
    """

    def __init__(self, what: str, problems: Iterable[str] = (), *, setting: str = "", **parts: str) -> None:
        self.problems = tuple(problems)
        self.setting = setting
        super().__init__("\n".join([what, *(f"  - {problem}" for problem in self.problems)]), **parts)


def nearest_names(name: str, known: Iterable[str], limit: int = 3) -> list[str]:
    """The known names most like `name`, best first; also matches on a shared prefix or part."""
    names = list(known)
    close = difflib.get_close_matches(name, names, n=limit, cutoff=0.55)
    lowered = name.lower()
    close += [n for n in names if n not in close and lowered and (lowered in n.lower() or n.lower() in lowered)]
    return close[:limit]
