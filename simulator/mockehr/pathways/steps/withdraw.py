"""A result is taken back: it was another patient's, or the specimen was mixed up (ORU^R01)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step


class Withdraw(Step):
    """The report and its values were entered in error."""

    NAME: ClassVar[str] = "withdraw"
    SHORT: ClassVar[str] = "report"

    report: str
    """The name of the result."""
    text: str = ""

    def run(self, act: Act) -> None:
        """A DiagnosticReport and Observations with status entered-in-error."""
        key = act.someone.reports.pop(self.report, "")
        if not key:
            act.refuse(f"there is no result {self.report!r}")
        for one in act.clean(key).get("result", []):
            act.change(one["reference"], {"status": "entered-in-error", "issued": act.when})
        changes: JSON = {"status": "entered-in-error", "issued": act.when}
        act.change(key, changes | ({"conclusion": self.text} if self.text else {}), act.told("ORU^R01"))
