"""The computed Groups of a site: from settings to cohorts of its population, with the vendor's ids."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qsl

from mockehr.core.errors import ConfigError, nearest_names
from mockehr.core.exchange import JSON
from mockehr.fhir.search import compile_query
from mockehr.population.groups import Cohort, Enrolment
from mockehr.sites.roster import criteria_from

if TYPE_CHECKING:
    from mockehr.sites.charts import Charts

EVERYONE: Final = "everyone"
_SETTINGS: Final = ("patients", "query")


class ChartRoll:
    """The computed patients of one group by their ids here (`mockehr.fhir.bulk.source.Roll`)."""

    def __init__(self, charts: Charts, enrolment: Enrolment, query: str, *, open_to_written: bool) -> None:
        self._charts = charts
        self.enrolment = enrolment
        self._open = open_to_written
        self._test: Callable[[Any], bool] | None = None
        if query and open_to_written:
            self._test = compile_query("Patient", query, strict=False).test

    @property
    def size(self) -> int:
        """How many there are."""
        return self.enrolment.size

    def page(self, offset: int, limit: int) -> Sequence[str]:
        """Ids of a stretch of them."""
        return [self._charts.patient_id(index) for index in self.enrolment.page(offset, limit)]

    def covers(self, patient: str) -> bool:
        """Whether that computed patient is one of them."""
        index = self._charts.index_of(patient)
        return index is not None and index in self.enrolment

    def place(self, patient: str) -> int | None:
        """Where in the order a patient is; None if that cannot be told at once."""
        index = self._charts.index_of(patient)
        return None if index is None else self.enrolment.place(index)

    def admits(self, document: JSON) -> bool:
        """A Patient that was written is one of them unless the number is bounded or the query says otherwise."""
        return self._open and (self._test is None or self._test(document))


class Groups:
    """All computed Groups of a site, in the order of its settings; one of everybody if these name none."""

    def __init__(self, charts: Charts, told: Mapping[str, Any]) -> None:
        """Raises ConfigError for settings that mean nothing."""
        self._charts = charts
        self.everyone = ChartRoll(charts, Cohort(EVERYONE).among(charts.population), "", open_to_written=True)
        self.rolls = {name: self._roll(name, one or {}) for name, one in told.items()} or {EVERYONE: self.everyone}
        """Name → members."""

    def id_of(self, name: str) -> str:
        """The id of the Group of that name."""
        return self._charts.ids.encode("Group", None, list(self.rolls).index(name))

    def find(self, id: str) -> ChartRoll | None:
        """The members of the Group of that id; None if it is none of these."""
        place = self._charts.ids.decode("Group", id)
        if place is None or place[0] is not None or not 0 <= place[1] < len(self.rolls):
            return None
        return list(self.rolls.values())[place[1]]

    def resources(self) -> list[JSON]:
        """The clean Groups."""
        return [roll.enrolment.resource(position) for position, roll in enumerate(self.rolls.values())]

    def _roll(self, name: str, told: Any) -> ChartRoll:
        if not isinstance(told, Mapping):
            raise ConfigError(
                f"The setting groups.{name} is {told!r}.", remedy='Write it like {query: "family=Smith"}.'
            )
        for key in told:
            if key not in _SETTINGS:
                near = ", ".join(nearest_names(str(key), _SETTINGS))
                what = f"A group has no setting {key!r} (groups.{name})."
                raise ConfigError(what, nearest=near, remedy=f"Use {' and '.join(_SETTINGS)}.")
        most, query, charts = told.get("patients"), str(told.get("query") or ""), self._charts
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 0):
            raise ConfigError(f"The setting groups.{name}.patients is {most!r}.", remedy="Give a whole number.")
        criteria = criteria_from(parse_qsl(query), charts.index_of, charts.mrn_of) if query else []
        if criteria is None:
            what = f"The setting groups.{name}.query is {query!r}, which cannot be computed."
            raise ConfigError(what, remedy="Ask by family, given, birthdate, gender, address-city and the like.")
        cohort = Cohort(name, most, tuple(criteria))
        return ChartRoll(charts, cohort.among(charts.population), query, open_to_written=most is None)
