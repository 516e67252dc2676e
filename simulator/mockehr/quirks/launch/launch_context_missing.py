"""A token response that does not say what the launch was about."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Final

from mockehr.auth.tokens import Grant
from mockehr.quirks.base import Act, quirk

MEMBERS: Final = ("patient", "encounter", "need_patient_banner", "fhirContext", "intent", "tenant", "smart_style_url")


@quirk("launch-context-missing", family="launch", ledger=("B2",), channels=("token",))
@dataclass(frozen=True, slots=True)
class LaunchContextMissing:
    """The token response lacks the members in `without`: `patient`, `encounter`, `need_patient_banner` …

    With `bound` the token is confined to its patient all the same; else the patient is gone for good, and `patient/`
    scopes mean nobody. Coping: ask the user for a patient, show the banner where nothing is said, never call with an
    id that is not there (`Patient/undefined`).
    """

    without: tuple[str, ...] = ("patient",)
    bound: bool = True

    def __post_init__(self) -> None:
        if not self.without:
            raise ValueError("without is empty; name at least one member")
        for name in self.without:
            if name not in MEMBERS:
                raise ValueError(f"without has {name!r}; it may have {', '.join(MEMBERS)}")

    def on_grant(self, grant: Grant, act: Act) -> Grant:
        """Take the members away from a token about to be issued."""
        told = {**grant.extras, "patient": grant.extras.get("patient", grant.patient) or None}
        there = [name for name in self.without if told.get(name) is not None]
        if not there:
            act.leave("nothing to leave out")
            return grant
        act.why = f"without {', '.join(there)}"
        extras: dict[str, Any] = {**grant.extras, **dict.fromkeys(there)}
        patient = "" if "patient" in there and not self.bound else grant.patient
        return replace(grant, extras=extras, patient=patient)
