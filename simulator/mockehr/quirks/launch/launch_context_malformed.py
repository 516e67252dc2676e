"""A token response that names the wrong patient or encounter, or names the right one wrongly."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from mockehr.auth.tokens import Grant
from mockehr.quirks.base import Act, quirk

FORMS: Final = ("unknown", "other", "reference", "url", "padded")
MEMBERS: Final = ("patient", "encounter")


@quirk("launch-context-malformed", family="launch", ledger=("B3",), channels=("token",))
@dataclass(frozen=True, slots=True)
class LaunchContextMalformed:
    """`member` (`patient` or `encounter`) of the token response is the id of a resource that does not exist
    (`unknown`), is somebody else's (`other`), is written as a `reference` (`Patient/123`) or as a `url`, or is
    `padded` with blanks.

    The token stays confined to the launch's own patient; with `rebound` and a patient that is another, it is good for
    that other one instead. Coping: read `Patient` and `Encounter` of the context before anything else, hold
    `Encounter.subject` against the patient, and stop if they do not fit.
    """

    form: str = "unknown"
    member: str = "patient"
    rebound: bool = False

    def __post_init__(self) -> None:
        if self.form not in FORMS:
            raise ValueError(f"form is {self.form!r}; it must be one of {', '.join(FORMS)}")
        if self.member not in MEMBERS:
            raise ValueError(f"member is {self.member!r}; it must be one of {', '.join(MEMBERS)}")
        if self.rebound and (self.form, self.member) != ("other", "patient"):
            raise ValueError("rebound goes with form other and member patient only")

    def on_grant(self, grant: Grant, act: Act) -> Grant:
        """Change what is told of the context of a token about to be issued."""
        right = str(grant.extras.get(self.member) or (grant.patient if self.member == "patient" else ""))
        wrong = self._wrong(right, grant, act) if right else ""
        if not wrong:
            act.leave(f"no {self.member} in context" if not right else f"no other {self.member} to tell of")
            return grant
        act.why = f"{self.member} {self.form}"
        patient = wrong if self.rebound else grant.patient
        return replace(grant, extras={**grant.extras, self.member: wrong}, patient=patient)

    def _wrong(self, right: str, grant: Grant, act: Act) -> str:
        kind = self.member.capitalize()
        if self.form == "unknown":
            return "gone-" + "".join(act.dice.choice("0123456789") for _ in range(8))
        if self.form == "other":
            other = act.world.other_patient(grant.patient)
            return other if self.member == "patient" else act.world.encounter_of(other)
        return {
            "reference": f"{kind}/{right}",
            "url": f"https://ehr.example.org/fhir/{kind}/{right}",
            "padded": f" {right} ",
        }[self.form]
