"""One page of matches, between the search that found them and the vendor's Bundle."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem

Mode = Literal["match", "include", "outcome"]
PageEntry = tuple[str, str, "bytes | JSON", str]
"""(resource type, id, the resource as JSON bytes ready for the wire or as a dict, search mode)."""


@dataclass(slots=True)
class Joined:
    """Entries as they went out once, to be sent again; good only as long as a page still has these very `entries`."""

    entries: list[PageEntry]
    octets: bytes = b""


@dataclass(slots=True)
class SearchPage:
    """What a search answers: some matches, how they were asked for and how to go on.

    `total` is the exact number of matches, or None if nobody counted. `query` is the search as the client wrote it
    (encoded, without `?`), the same on every page. `next_token` opens the next page, and is empty on the last.
    `notes` are remarks that did not stop the search, as Problems of status 200. `complete`: all matches are here.
    """

    resource_type: str
    entries: list[PageEntry] = field(default_factory=list)
    total: int | None = None
    query: str = ""
    next_token: str = ""
    notes: list[Problem] = field(default_factory=list)
    next_session: str = ""
    """By what the server knows where the next page starts."""
    page_size: int = 0
    at: float = 0.0
    """When it was answered, in site seconds."""
    offset: int = 0
    complete: bool = True
    previous_token: str = ""
    self_url: str = ""
    """The `self` link ready-made; empty to let the personality write it from `query`."""
    next_url: str = ""
    """The `next` link ready-made; empty to let the personality write it from `next_token`."""
    joined: Joined | None = None
    """Where the bytes of the entries are kept, if the same page is likely to be asked for again."""
    patient_facing: bool = False
    """Asked for with a patient's own token (some vendors say so in the answer)."""

    @property
    def matches(self) -> int:
        """How many entries of this page are matches (not included, not outcomes)."""
        return sum(1 for entry in self.entries if entry[3] == "match")
