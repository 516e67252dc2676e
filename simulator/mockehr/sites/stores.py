"""Where a site keeps what is written: `memory`, or `sqlite:FOLDER`."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from mockehr.core.errors import UsageError
from mockehr.fhir.overlay import MemoryOverlay, Overlay, SqliteOverlay
from mockehr.sites.site import Site

MEMORY: Final = "memory"
SQLITE: Final = "sqlite:"
REMEDY: Final = "Write memory, or sqlite:FOLDER for a file in that folder, which is made if it is not there."


def check_store(text: str) -> str:
    """`text` if it says where to keep what is written; raises UsageError with what may be said."""
    if text != MEMORY and not (text.startswith(SQLITE) and text.removeprefix(SQLITE).strip()):
        raise UsageError(f"{text!r} is no store.", nearest=_nearest(text), remedy=REMEDY)
    return text


def store_below(text: str, base: Path) -> str:
    """The same store with its folder, if that is relative, taken from `base`. Raises UsageError."""
    folder = check_store(text).removeprefix(SQLITE)
    return text if text == MEMORY else f"{SQLITE}{base / folder}"


def open_overlay(site: Site) -> Overlay:
    """The overlay that a site's options ask for; its personality must be there already.

    Raises UsageError for a store that there is none of, EnvironmentProblem for a file that cannot be used or is that
    of another site.
    """
    options = site.options
    text = check_store(options.store)
    if text == MEMORY:
        return MemoryOverlay()
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9._-]*", options.name):
        raise UsageError(
            f"A site called {options.name!r} cannot have a file of that name.",
            remedy="Use letters, digits, hyphens and dots.",
        )
    identity = {
        "site": options.name,
        "personality": site.personality.name,
        "patients": str(options.patients),
        "seed": str(options.seed),
    }
    return SqliteOverlay(Path(text.removeprefix(SQLITE)) / f"{options.name}.sqlite", identity)


def _nearest(text: str) -> str:
    word = text.partition(":")[0].strip().lower()
    return "sqlite:FOLDER" if word.startswith(("sql", "file", "db")) or "/" in text else MEMORY
