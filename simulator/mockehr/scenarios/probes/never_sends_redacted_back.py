"""Ledger D10: a redacted record is to be read, not to be written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, ClassVar, Final

from mockehr.scenarios.probe import Case, Evidence, Finding, Probe
from mockehr.scenarios.reading import answer, heard, label, parsed

_LABELS: Final = frozenset({"REDACTED", "SUBSETTED"})


@dataclass(frozen=True, slots=True)
class NeverSendsRedactedBack(Probe):
    """Where records come redacted or in part (`meta.security` REDACTED, `meta.tag` SUBSETTED, elements masked), are
    they kept from being written back, and from being put over fuller ones?

    It fails if an update carries such a label or a masked element, and if a record that was also shown in full
    differs from the truth among those that the client gives back.
    """

    name: ClassVar[str] = "never-sends-redacted-back"
    ledger: ClassVar[tuple[str, ...]] = ("D10",)

    def judge(self, case: Case) -> Finding:
        """Look at every update, and at what became of records that were shown in both ways."""
        less: dict[str, int] = {}
        full: set[str] = set()
        faults: list[Evidence] = []
        for call in case.on("fhir"):
            if heard(call) and call.method == "GET":
                found = {_key(one) for one in _resources(answer(call)) if _redacted(one)}
                less |= dict.fromkeys(found, call.number)
                full |= set(call.returned) - found
            if call.method in ("PUT", "POST") and _redacted(parsed(call.body)):
                faults.append(Evidence(call.number, f"{label(call)} sends a redacted record back"))
        if not less and not faults:
            return self.unseen("No record came redacted.")
        altered = {item.key for item in case.truth.altered} if case.truth is not None else set()
        for key in sorted(altered & full & less.keys()):
            faults.append(Evidence(less[key], f"{key} was shown in full, and the client holds the redacted one"))
        coped = [Evidence(entry, f"{key} came redacted") for key, entry in less.items()]
        return self.weigh(
            faults, coped, "Records that came redacted: {n}.", "Redacted records put over full ones: {n}."
        )


def _resources(document: Any) -> Iterator[Any]:
    if isinstance(document, dict) and document.get("resourceType") == "Bundle":
        entries = document.get("entry")
        yield from (one.get("resource") for one in entries or () if isinstance(one, dict))
    else:
        yield document


def _key(resource: Any) -> str:
    return f"{resource.get('resourceType', '')}/{resource.get('id', '')}"


def _redacted(resource: Any) -> bool:
    """Whether the resource says that it is not whole, by a label or by a masked element at its top."""
    if not isinstance(resource, dict):
        return False
    meta = resource.get("meta") if isinstance(resource.get("meta"), dict) else {}
    labels = [*(meta or {}).get("security", ()), *(meta or {}).get("tag", ())]
    if any(isinstance(one, dict) and one.get("code") in _LABELS for one in labels):
        return True
    return any(_masked(value) for name, value in resource.items() if name != "contained")


def _masked(value: Any) -> bool:
    first = value[0] if isinstance(value, list) and value else value
    reasons = first.get("extension") if isinstance(first, dict) else None
    return any(
        isinstance(one, dict) and one.get("valueCode") == "masked"
        for one in (reasons if isinstance(reasons, list) else ())
    )
