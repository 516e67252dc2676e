"""Ledger C8: who cannot prove who he is gets nothing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from mockehr.core.exchange import CERTIFICATE
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import fired, label


@dataclass(frozen=True, slots=True)
class VerifiesTls(Probe):
    """Does the client send nothing over a connection whose certificate is expired, for another name or of nobody that
    it trusts?

    The occasion is a handshake in which such a certificate was shown; any request that came over such a connection is
    a fault, and tokens and records in it were told to whoever asked.
    """

    name: ClassVar[str] = "verifies-tls"
    ledger: ClassVar[tuple[str, ...]] = ("C8",)

    def judge(self, case: Case) -> Finding:
        """Look for requests that came over connections that the client should have ended."""
        shown = [one for one in case.exchanges if fired(one, "tls-faults")]
        through = [one for one in case.exchanges if CERTIFICATE in one.notes]
        if not shown and not through:
            return self.unseen("No wrong certificate was shown.")
        faults = [Evidence(one.number, f"{label(one)} came through, though the certificate was "
                  f"{one.notes[CERTIFICATE]}") for one in through]  # fmt: skip
        coped = [Evidence(one.number, "a handshake that the client, or we, ended") for one in shown]
        bad = "Requests that came through without a certificate that holds: {n}."
        return self.weigh(faults, coped, "Handshakes with a wrong certificate, none of them used: {n}.", bad)
