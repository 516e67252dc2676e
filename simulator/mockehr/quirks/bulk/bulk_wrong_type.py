"""Manifests that say the wrong type."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, quirk
from mockehr.quirks.exported import POLLS, change_manifest, manifest_of


@quirk("bulk-wrong-type", family="bulk", ledger=("D13",), channels=("files",), interactions=POLLS)
@dataclass(frozen=True, slots=True)
class BulkWrongType:
    """The manifest has two files of different types the wrong way round: each is said to hold what the other does.

    Coping: go by each record's own `resourceType`; the manifest's `type` is good for choosing files, not for keeping
    records.
    """

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Exchange the types of two files of the manifest."""
        output = [dict(listed) for listed in (manifest_of(exchange) or {}).get("output", [])]
        pairs = [
            (one, other)
            for one in range(len(output))
            for other in range(one + 1, len(output))
            if output[one]["type"] != output[other]["type"]
        ]
        if not pairs:
            act.leave("no files of two types")
            return
        one, other = act.dice.choice(pairs)
        output[one]["type"], output[other]["type"] = output[other]["type"], output[one]["type"]
        change_manifest(exchange, output=output)
        act.why = "; ".join(f"{output[n]['url']} is no {output[n]['type']}" for n in (one, other))
