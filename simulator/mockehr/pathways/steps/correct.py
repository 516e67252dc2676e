"""A result that was wrong is corrected, or amended by words (ORU^R01)."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from pydantic import Field

from mockehr.pathways.act import Act
from mockehr.pathways.profiles import drawn
from mockehr.pathways.step import Step
from mockehr.pathways.steps.result import Values, rewrite


class Correct(Step):
    """Further versions of the report and of the values that were wrong."""

    NAME: ClassVar[str] = "correct"
    SHORT: ClassVar[str] = "report"

    report: str
    """The name of the result."""
    values: Values = Field(default_factory=dict)
    """The right ones, by test; what is left out stays."""
    text: str = ""
    status: Literal["corrected", "amended"] = "corrected"

    def run(self, act: Act) -> None:
        """A DiagnosticReport and Observations that are corrected or amended."""
        key = act.someone.reports.get(self.report, "")
        if not key:
            act.refuse(f"there is no result {self.report!r}")
        profile = act.pathway.profile(act.someone.profiles[self.report])
        rest: Any = self.values.get("all", "NORMAL")
        values = drawn(profile.tests, self.values, rest, act.stream, sex=act.sex(), age=act.age())
        wanted = values if "all" in self.values else {name: values[name] for name in values if name in self.values}
        rewrite(act, key, profile, wanted, self.text, self.status, some=True)
