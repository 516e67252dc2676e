"""Manifests that leave files out."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import POLLS, change_manifest, manifest_of


@quirk("bulk-missing-file", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkMissingFile:
    """The manifest leaves out one file of a `type`, and lists it nowhere else.

    Who looks notices: other records refer to patients that never came, and a Group says in `quantity` how many
    members it has. Coping: check that what is referred to is there; ask for the manifest again, read what is missing.
    """

    type: str = "Patient"

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Take a file out of the manifest."""
        output = (manifest_of(exchange) or {}).get("output", [])
        places = [place for place, listed in enumerate(output) if listed["type"] == self.type]
        if not places or len(output) == 1:
            act.leave(f"no file of {self.type} beside others")
            return
        place = act.dice.choice(places)
        change_manifest(exchange, output=[*output[:place], *output[place + 1 :]])
        act.why = f"{output[place]['url']} is not listed"
