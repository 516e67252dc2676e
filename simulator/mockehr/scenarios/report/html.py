"""A scorecard as one self-contained page: no script, nothing fetched, fit for print and for screen readers."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from mockehr.scenarios.probes import probes
from mockehr.scenarios.report.text import WORDS, urgent_first
from mockehr.scenarios.scorecard import Scorecard


def html(*scorecards: Scorecard) -> str:
    """The page, with all scorecards on it. All text from outside is escaped."""
    registry = probes()
    asked = {finding.probe for one in scorecards for _, finding in one}
    questions = {name: probe for name, probe in registry.items() if name in asked}
    told = {"words": WORDS, "questions": questions, "urgent_first": urgent_first}
    page = _template().render(scorecards=scorecards, **told)
    return page.encode("utf-8", "replace").decode()


@cache
def _template() -> Template:
    source = files("mockehr.scenarios.report").joinpath("scorecard.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
