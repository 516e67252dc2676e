"""Ledger D1, D4: what a site offers is asked of it, not assumed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, Final

from mockehr.core.exchange import Exchange
from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import heard, label, status

_LACKING: Final = frozenset({"type-unknown", "interaction-unknown", "operation-unknown", "parameter-unknown"})


@dataclass(frozen=True, slots=True)
class ReadsCapabilities(Probe):
    """Does the client read `/metadata` before it uses the site, and leave alone what the site does not have?

    It fails if it asks for types, interactions or operations that the site lacks (a facade has few) although the
    CapabilityStatement says so, or before having read it, and if it repeats what was refused as not supported. A
    search parameter may be tried once: statements are not complete about them.
    """

    name: ClassVar[str] = "reads-capabilities"
    ledger: ClassVar[tuple[str, ...]] = ("D1", "D4")

    def judge(self, case: Case) -> Finding:
        """Find the CapabilityStatement and every refusal for want of a feature."""
        read = 0
        refused: dict[tuple[str, ...], int] = {}
        faults: list[Evidence] = []
        coped: list[Evidence] = []
        for call in case.on("fhir"):
            if call.path == "/metadata":
                read = read or (call.number if status(call) == 200 and heard(call) else 0)
                continue
            what = _lacking(call)
            if not what:
                if read and not coped and status(call) < 300:
                    coped.append(Evidence(read, f"read before {label(call)} of entry {call.number}"))
                continue
            known, first = " ".join(part for part in what[1:] if part), refused.setdefault(what, call.number)
            if first != call.number:
                faults.append(Evidence(call.number, f"{label(call)}: {known} was refused at entry {first} already"))
            elif what[0] != "parameter-unknown":
                why = (
                    f"though the statement of entry {read} lacks it"
                    if read
                    else "and /metadata was never read before"
                )
                faults.append(Evidence(call.number, f"{label(call)}: {known} is not offered here, {why}"))
        if not faults and not coped:
            return self.unseen("The CapabilityStatement was not read, and nothing was asked for that the site lacks.")
        failed = "Requests for what the site does not offer: {n}."
        return self.weigh(faults, coped, "The CapabilityStatement was read first, and kept to.", failed)


def _lacking(call: Exchange) -> tuple[str, ...]:
    """What the site lacks, of what was asked; empty if it lacks nothing."""
    problem = call.problem
    if problem is None or problem.kind not in _LACKING:
        return ()
    kind = problem.resource_type or call.path.strip("/").partition("/")[0]
    if problem.kind == "type-unknown":
        return problem.kind, kind
    asked = call.interaction.name if call.interaction is not None else call.method
    return problem.kind, kind, problem.parameter or asked
