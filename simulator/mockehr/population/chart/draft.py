"""A chart while it is being drawn: the resources so far, the visits and problems, and what everybody refers to."""

from __future__ import annotations

from dataclasses import dataclass, field

from mockehr.core.chance import Chance, Stream
from mockehr.core.exchange import JSON
from mockehr.population import roster
from mockehr.population.chart.codes import meta
from mockehr.population.chart.course import Contact, Course
from mockehr.population.chart.subject import Staff, Subject
from mockehr.population.chart.times import day_start, years_between


@dataclass(slots=True)
class Visit:
    """One encounter. `reference` and `resource` are set once it is written."""

    at: float
    end: float
    setting: str
    kind: tuple[str, str]
    """SNOMED CT code and display of the encounter type."""
    practitioner: JSON
    """Reference to who saw the patient, as `location` is to where."""
    location: JSON
    course: Course | None = None
    """The problem that caused it; None for check-ups."""
    contact: Contact | None = None
    reference: JSON = field(default_factory=dict)
    resource: JSON = field(default_factory=dict)
    vitals: dict[str, float] = field(default_factory=dict)
    resulted: float = 0.0
    """When the last of its results was there."""
    findings: list[str] = field(default_factory=list)
    """Abnormal results in words, for the notes."""
    prescribed: list[str] = field(default_factory=list)
    """What was prescribed, in words."""

    @property
    def complaint(self) -> str:
        """Why the patient comes, in words; empty for a check-up."""
        said = self.contact.complaint if self.contact is not None else ""
        return said or (self.course.area.complaint if self.course is not None else "")


class Draft:
    """The chart being drawn. Only `draw_chart` makes one, and it never leaves that call.

    `end` is the last second that may be told of: the start of the day of death, or `as_of`.
    """

    __slots__ = (
        "_prefix",
        "as_of",
        "avoid",
        "born",
        "chance",
        "courses",
        "end",
        "organization",
        "patient",
        "resources",
        "staff",
        "subject",
        "times",
        "visits",
    )

    def __init__(self, chance: Chance, subject: Subject, staff: Staff, as_of: float) -> None:
        self.chance = chance
        self.subject = subject
        self.staff = staff
        self.as_of = as_of
        self.born = day_start(subject.birth_date)
        self.end = max(self.born + 1, min(as_of, day_start(subject.deceased))) if subject.deceased else as_of
        self.resources: list[JSON] = []
        self.times: list[float] = []
        self._prefix = f"p{subject.index}"
        self.patient: JSON = {
            "reference": f"Patient/{self._prefix}",
            "display": " ".join((*subject.given[:1], subject.family)),
        }
        self.organization: JSON = staff.reference("Organization", roster.HOSPITAL)
        self.courses: list[Course] = []
        self.visits: list[Visit] = []
        self.avoid: frozenset[str] = frozenset()
        """Classes of drugs that an allergy forbids."""

    @property
    def alive(self) -> bool:
        """Whether the patient lives at `as_of`."""
        return not self.subject.deceased

    def stream(self, *names: str) -> Stream:
        """The stream of one part of this chart."""
        return self.chance.stream("chart", self.subject.index, *names)

    def age(self, at: float) -> float:
        """Age in years at `at`."""
        return years_between(self.born, at)

    def clip(self, at: float) -> float:
        """`at`, or the end of the chart if that is earlier."""
        return at if at < self.end else self.end

    def add(self, kind: str, profile: str, at: float, body: JSON) -> JSON:
        """Append a resource recorded at `at` (clipped to the end); returns a reference to it, without a display.

        `profile` is the last part of a US Core canonical, or empty for a type that US Core says nothing of.
        """
        ordinal = len(self.resources)
        id = f"{self._prefix}-{ordinal}" if ordinal else self._prefix
        resource: JSON = {"resourceType": kind, "id": id}
        if profile:
            resource["meta"] = meta(profile)
        resource.update(body)
        self.resources.append(resource)
        self.times.append(at if at < self.end else self.end)
        return {"reference": f"{kind}/{id}"}

    def next_id(self, ahead: int = 0) -> str:
        """The id that the next resource (or the one `ahead` after it) will get."""
        return f"{self._prefix}-{len(self.resources) + ahead}"

    def visit_at(self, at: float) -> Visit:
        """The last visit that began at or before `at`, or the first of all."""
        found = self.visits[0]
        for visit in self.visits:
            if visit.at > at:
                break
            found = visit
        return found
