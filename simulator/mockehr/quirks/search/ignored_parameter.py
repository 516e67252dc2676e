"""Search parameters that count for nothing."""

from __future__ import annotations

from dataclasses import dataclass, replace

from mockehr.core.exchange import Exchange
from mockehr.core.page import SearchPage
from mockehr.quirks.base import Act, quirk

KEPT = ("_format", "_pretty", "patient", "subject")


@quirk("ignored-parameter", family="search", ledger=("D7",), channels=("fhir",), interactions=("search",))
@dataclass(frozen=True, slots=True)
class IgnoredParameter:
    """The server searches as if `names` had not been sent, and answers 200; the `self` link tells what it went by.

    Without names it is the first filter besides patient, subject and what only shapes the answer. FHIR R4
    search.html#errors wants servers to ignore what they do not know and to say in `self` what they went by; with
    `tell` false not even that. The entry notes `ignored`.

    Seen: NextGen ignores `_count` (fasten-sources, 2024-11-23; vendors-others.md 4.1), Azure leaves unknown
    parameters out of `self` and adds an outcome (9.4), Epic has a code for having ignored one (59100;
    vendors-epic-oracle.md A4.3). Coping: compare the `self` link with what was asked, ask with `Prefer:
    handling=strict`, and check the results against one's own filter.
    """

    names: tuple[str, ...] = ()
    tell: bool = True

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Search without those parameters."""
        page = exchange.result
        if not isinstance(page, SearchPage) or page.offset:
            act.leave("no new search")
            return
        parts = [part for part in page.query.split("&") if part]
        gone = [part for part in parts if self._meant(part.partition("=")[0].partition(":")[0])]
        gone = gone if self.names else gone[:1]
        if not gone:
            act.leave("nothing to ignore")
            return
        found = act.world.found_by(exchange, "&".join(part for part in parts if part not in gone))
        if not isinstance(found, SearchPage):
            act.leave("without it the search is refused")
            return
        told = found if self.tell else replace(found, self_url=f"{exchange.base_url}{exchange.path}?{page.query}")
        exchange.result = told
        exchange.notes["ignored"] = [part.partition("=")[0] for part in gone]
        act.why = f"ignores {', '.join(gone)}"

    def _meant(self, name: str) -> bool:
        return name in self.names if self.names else name not in KEPT and not name.startswith("_")
