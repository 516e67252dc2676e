"""One step being taken: whom it is about, when, and how it writes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, NoReturn

from mockehr.core.chance import Stream
from mockehr.core.changes import QUIET
from mockehr.core.exchange import JSON
from mockehr.pathways.beds import Bed
from mockehr.pathways.step import NoBed, Refused, Step
from mockehr.population.chart.codes import meta
from mockehr.population.chart.times import day_start, instant_text, years_between

if TYPE_CHECKING:
    from mockehr.pathways.hospital import Hospital
    from mockehr.pathways.player import Player
    from mockehr.pathways.schema import Entry, Pathway
    from mockehr.pathways.someone import Someone

_AFTERWARDS: Final = 3 * 86400.0
"""For how long something may still belong to a visit that is over."""


@dataclass(slots=True)
class Act:
    """What a step gets to work with. `at` is when it happens, in seconds since 1970; `past`: it is history."""

    player: Player
    step: Step
    someone: Someone
    at: float
    past: bool = False
    claimed: list[Bed] = field(default_factory=list)
    """Beds taken in this step, to be given back if it fails."""

    @property
    def hospital(self) -> Hospital:
        """Where it happens."""
        return self.player.hospital

    @property
    def pathway(self) -> Pathway:
        """Of which it is a step."""
        return self.player.pathway

    @property
    def stream(self) -> Stream:
        """The draws of this run."""
        return self.player.stream

    @property
    def when(self) -> str:
        """`at` as a FHIR instant."""
        return instant_text(self.at)

    def told(self, usual: str) -> str:
        """The message that tells of it: as the file says, else the usual one; none of what is past."""
        return QUIET if self.past else self.step.event or usual

    def refuse(self, why: str) -> NoReturn:
        """This cannot be done as things stand."""
        who = f"{self.pathway.name}: {self.step.NAME} of {self.someone.name}"
        raise Refused(f"{who} cannot be done: {why}.", remedy="Put the step that has to come first before it.")

    # people

    def other(self, name: str) -> Someone:
        """Another person of the pathway, who is looked for now if nobody was before."""
        return self.player.someone(name)

    def patient(self, someone: Someone | None = None) -> JSON:
        """The clean Patient as this pathway knows it; read only."""
        return self.player.clean[(someone or self.someone).patient]

    def subject(self, someone: Someone | None = None) -> JSON:
        """A reference to the patient."""
        return self.refer((someone or self.someone).patient)

    def sex(self) -> str:
        """`female` or `male`."""
        return "male" if self.patient().get("gender") == "male" else "female"

    def age(self) -> float:
        """In years."""
        return years_between(day_start(self.patient()["birthDate"]), self.at)

    def attending(self) -> JSON:
        """A reference to who looks after the patient; a general practitioner where nobody was named yet."""
        known: list[JSON] = self.patient().get("generalPractitioner") or []
        return self.someone.attending or (known[0] if known else self.hospital.clinician("MED", "", self.stream))

    # what is written

    def clean(self, key: str) -> JSON:
        """A clean resource that this run wrote or looked up; read only."""
        return self.player.clean[key]

    def refer(self, key: str) -> JSON:
        """A reference to a resource of this run."""
        return {"reference": key, "display": shown} if (shown := _display(self.clean(key))) else {"reference": key}

    def put(self, kind: str, profile: str, body: JSON, event: str = QUIET) -> str:
        """Write a new resource of a US Core profile (empty for none); returns its key `Type/id`."""
        resource: JSON = {"resourceType": kind, "id": self.hospital.new_id(kind)}
        if profile:
            resource["meta"] = meta(profile)
        resource |= body
        key = f"{kind}/{resource['id']}"
        self.player.clean[key] = resource
        self.hospital.write(resource, None, event, self.player.clean)
        return key

    def change(self, key: str, changes: JSON, event: str = QUIET, *, without: Sequence[str] = ()) -> None:
        """Write a further version: `changes` replace elements whole, those in `without` go."""
        before = self.clean(key)
        after = {name: value for name, value in before.items() if name not in without} | changes
        self.player.clean[key] = after
        self.hospital.write(after, before, event, self.player.clean)

    def visit(self) -> JSON:
        """The Encounter that is under way; raises Refused if there is none."""
        if not self.someone.visit:
            self.refuse("there was no visit so far")
        return self.clean(self.someone.visit)

    def of_visit(self) -> JSON:
        """`{"encounter": …}` where there is a visit or was one until some days ago, else nothing."""
        visit = self.someone.visit
        over = self.clean(visit).get("period", {}).get("end", "") if visit else ""
        if not visit or (over and self.at - seconds_of(over) > _AFTERWARDS):
            return {}
        return {"encounter": {"reference": visit}}

    def claim(self, ward: str, *, wanted: Bed | None = None) -> Bed | None:
        """A bed; None in the past. Raises NoBed where the patient has to wait: claim before writing."""
        if self.past:
            return None
        bed = self.hospital.beds.claim(ward, self.someone.patient, wanted=wanted)
        if bed is None:
            raise NoBed(ward)
        self.claimed.append(bed)
        return bed

    # the course of the pathway

    def pause(self, seconds: float) -> None:
        """Nothing more happens for so long."""
        self.player.pause(seconds)

    def enter(self, entries: Sequence[Entry], times: int = 1, every: Any = None) -> None:
        """Go on with these steps before what comes next, several times with a Span between them."""
        self.player.enter(entries, times, every)


def seconds_of(instant: str) -> float:
    """A FHIR instant as a pathway writes it, in seconds since 1970."""
    return datetime.fromisoformat(instant).timestamp()


def _display(resource: JSON) -> str:
    kind = resource["resourceType"]
    if kind == "Patient":
        name = (resource.get("name") or [{}])[0]
        return " ".join((*name.get("given", [])[:1], name.get("family", ""))).strip()
    return str(resource.get("code", {}).get("text", "")) if kind in ("Condition", "ServiceRequest") else ""
