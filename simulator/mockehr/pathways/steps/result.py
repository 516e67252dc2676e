"""Results (ORU^R01), with an order or without one."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from mockehr.core.exchange import JSON
from mockehr.pathways.act import Act
from mockehr.pathways.profiles import OrderProfile, Word, drawn
from mockehr.pathways.reports import Value, measured, profile_name, prose, report_body, write_observations
from mockehr.pathways.scalars import ValueSpan
from mockehr.pathways.step import Step

Wanted = Annotated[Word | float | ValueSpan | str, Field(union_mode="left_to_right")]
"""NORMAL, HIGH, LOW, ABNORMAL, RANDOM, POSITIVE, NEGATIVE, EMPTY; a number; `{from: 5, to: 7}`; or a text."""


def _all_alike(value: Any) -> Any:
    return {"all": value} if isinstance(value, str) else value


Values = Annotated[dict[str, Wanted], BeforeValidator(_all_alike, json_schema_input_type=Word | dict[str, Wanted])]


class Result(Step):
    """A report and its Observations. Once more under the same name: preliminary results become final, final ones are
    corrected."""

    NAME: ClassVar[str] = "result"
    SHORT: ClassVar[str] = "order"

    order: str = ""
    """The name of an order."""
    profile: str = ""
    """An order profile, where nothing was ordered."""
    name: str = ""
    """What later steps call it; the name of the order or the profile unless told."""
    values: Values = Field(default_factory=dict)
    """By test, or one word for all of them; NORMAL for what is left out."""
    text: str = ""
    """What the report says; that of the profile unless told."""
    abnormal: bool = False
    """The report says what it says if something is wrong."""
    status: Literal["preliminary", "final"] = "final"

    def run(self, act: Act) -> None:
        """A DiagnosticReport; the ServiceRequest is completed by it."""
        name, someone = self.name or self.order or self.profile, act.someone
        if self.order and self.order not in someone.orders:
            act.refuse(f"there is no order {self.order!r}")
        called = self.profile or someone.profiles.get(self.order, "")
        if not called:
            act.refuse("an order or a profile is needed")
        profile = act.pathway.profile(called)
        rest: Any = self.values.get("all", "NORMAL")
        values = drawn(profile.tests, self.values, rest, act.stream, sex=act.sex(), age=act.age())
        text = self.text or (profile.abnormal if self.abnormal else profile.normal)
        if name in someone.reports:
            status = "final" if act.clean(someone.reports[name])["status"] == "preliminary" else "corrected"
            status = "preliminary" if self.status == "preliminary" and status == "final" else status
            rewrite(act, someone.reports[name], profile, values, text, status)
        else:
            order = someone.orders.get(self.order, "")
            keys = write_observations(act, profile, values, self.status, order)
            body = report_body(act, profile, keys, text, self.status, order)
            someone.profiles[name] = called
            someone.reports[name] = act.put("DiagnosticReport", profile_name(profile), body, act.told("ORU^R01"))
        self._complete(act)

    def _complete(self, act: Act) -> None:
        key = act.someone.orders.get(self.order, "")
        if key and self.status == "final" and act.clean(key)["status"] == "active":
            act.change(key, {"status": "completed"})


def rewrite(
    act: Act,
    report: str,
    profile: OrderProfile,
    values: dict[str, Value],
    text: str,
    status: str,
    *,
    some: bool = False,
) -> None:
    """A further version of a report and of its Observations; with `some`, only of those that `values` has."""
    keys = [one["reference"] for one in act.clean(report).get("result", [])]
    for key, (name, test) in zip(keys, profile.tests.items(), strict=True):
        if some and name not in values:
            continue
        changes: JSON = {"status": status, "issued": act.when, **measured(name, test, values[name], act.sex())}
        gone = [one for one in _VALUES if one not in changes]
        act.change(key, changes, without=gone)
    act.change(report, {"status": status, "issued": act.when, **prose(act, profile, text)}, act.told("ORU^R01"))


_VALUES = ("valueQuantity", "valueString", "dataAbsentReason", "interpretation", "referenceRange")
