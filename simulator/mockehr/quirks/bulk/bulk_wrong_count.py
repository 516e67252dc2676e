"""Manifests that count wrong."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import POLLS, change_manifest, manifest_of


@quirk("bulk-wrong-count", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkWrongCount:
    """The manifest says of one file that it has `by` records more than it has (less, if negative); the file is whole.

    Coping: compare; fetch the file and the manifest again; if they still differ keep what came, and say so.
    """

    by: int = 1

    def __post_init__(self) -> None:
        if not self.by:
            raise ValueError("by is 0; a count that is right is no quirk")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Change the count of one file of the manifest."""
        output = (manifest_of(exchange) or {}).get("output", [])
        counted = [place for place, listed in enumerate(output) if listed.get("count", 0) + self.by >= 0]
        counted = [place for place in counted if "count" in output[place]]
        if not counted:
            act.leave("no file whose count could be wrong")
            return
        place = act.dice.choice(counted)
        listed = output[place]
        wrong = {**listed, "count": listed["count"] + self.by}
        change_manifest(exchange, output=[*output[:place], wrong, *output[place + 1 :]])
        act.why = f"{listed['url']} has {listed['count']} records, the manifest says {wrong['count']}"
