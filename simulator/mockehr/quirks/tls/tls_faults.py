"""A server that proves to be somebody else, or nobody."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from mockehr.core.exchange import Exchange
from mockehr.quirks.base import Act, one_of, quirk

SHOWN: Final = ("expired", "early", "wrong-name", "self-signed", "old-protocol")


@quirk("tls-faults", family="tls", ledger=("C8",), channels=("discovery",))
@dataclass(frozen=True, slots=True)
class TlsFaults:
    """New connections are shown a `certificate` that is no good: `expired`, not good yet (`early`), for another name
    (`wrong-name`) or `self-signed`; or the server speaks but an `old-protocol`, and ends the handshake.

    Only where the server speaks HTTPS (`serve --tls`). On the port that several sites share, every site's client sees
    it. Connections that are open already stay open.

    Seen: TLS failed for 56 of 1,098 requests to MEDITECH's published endpoints (vendors-others.md 2.1), and six times
    in a harvest of Epic's 739 (vendors-epic-oracle.md A1; the-map, production fleets, 2026). Coping: no request
    without a certificate that holds, whatever is lost by it; tell people, and try again later. Never switch the
    verification off.
    """

    certificate: str = "expired"

    def __post_init__(self) -> None:
        one_of("certificate", self.certificate, SHOWN)

    def on_handshake(self, exchange: Exchange, act: Act) -> None:
        """Choose what is shown."""
        exchange.effect().certificate = self.certificate
        act.why = self.certificate
