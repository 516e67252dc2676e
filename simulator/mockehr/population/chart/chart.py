"""A chart: all resources of one patient, drawn from (seed, index) and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core.chance import Chance
from mockehr.core.exchange import JSON
from mockehr.population.chart.allergies import write_allergies
from mockehr.population.chart.appointments import write_appointments
from mockehr.population.chart.body import Body
from mockehr.population.chart.coverage import write_coverage
from mockehr.population.chart.documents import write_documents
from mockehr.population.chart.draft import Draft
from mockehr.population.chart.immunizations import write_immunizations
from mockehr.population.chart.laboratory import Laboratory
from mockehr.population.chart.medication import write_medications
from mockehr.population.chart.patient import write_patient
from mockehr.population.chart.plans import write_plans
from mockehr.population.chart.problems import choose_courses, write_problems
from mockehr.population.chart.procedures import write_procedures
from mockehr.population.chart.provenance import write_provenance
from mockehr.population.chart.social import write_social_history
from mockehr.population.chart.studies import write_studies
from mockehr.population.chart.subject import Staff, Subject
from mockehr.population.chart.visits import draw_registration, plan_visits, write_encounters
from mockehr.population.chart.vitals import write_vitals


@dataclass(frozen=True, slots=True)
class Chart:
    """The clean chart of patient `index`.

    `resources[0]` is the Patient `p{index}`; every other id is `p{index}-{ordinal}`, the ordinal being the position
    in `resources`. `times[ordinal]` is when that resource was recorded, in seconds since 1970, never after the time
    the chart was drawn for and never after the patient's death.

    Parts of the dicts (codings, units, `meta`, references) are shared between resources and between charts: copy
    deeply before changing anything.
    """

    index: int
    resources: tuple[JSON, ...]
    times: tuple[float, ...]

    def recorded(self, resource: JSON) -> float:
        """When `resource` of this chart was recorded, in seconds since 1970; works on any copy that kept its id."""
        _, _, ordinal = str(resource["id"]).partition("-")
        return self.times[int(ordinal) if ordinal else 0]


def draw_chart(chance: Chance, subject: Subject, staff: Staff, *, as_of: float) -> Chart:
    """Draw the chart of `subject` as it stands at `as_of` (seconds since 1970). Pure: equal arguments, equal charts.

    Every part draws from streams of its own under ("chart", index, part), so a new part or a new clinical area leaves
    the draws of the others alone. Nothing lies after the day of death.
    """
    draft = Draft(chance, subject, staff, as_of)
    since = draw_registration(draft)
    draft.courses = choose_courses(draft, since)
    plan_visits(draft, since)
    write_patient(draft, since)
    write_coverage(draft)
    write_encounters(draft)
    write_problems(draft)
    write_allergies(draft)
    write_medications(draft)
    write_vitals(draft, Body(draft))
    Laboratory(draft).write()
    write_social_history(draft)
    write_studies(draft)
    write_immunizations(draft)
    write_procedures(draft)
    documents = write_documents(draft)
    write_plans(draft)
    write_appointments(draft)
    write_provenance(draft, documents)
    return Chart(subject.index, tuple(draft.resources), tuple(draft.times))


def draw_patient(chance: Chance, subject: Subject, staff: Staff, *, as_of: float) -> Chart:
    """Only the Patient of a chart, equal to `draw_chart(...).resources[0]`: for pages of patients, where whole charts
    would be drawn in vain."""
    draft = Draft(chance, subject, staff, as_of)
    write_patient(draft, draw_registration(draft))
    return Chart(subject.index, tuple(draft.resources), tuple(draft.times))
