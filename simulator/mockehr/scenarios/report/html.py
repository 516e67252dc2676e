"""A scorecard as one self-contained page: no script, nothing fetched, fit for print and for screen readers."""

from __future__ import annotations

from functools import cache
from importlib.resources import files

from jinja2 import Environment, StrictUndefined, Template

from mockehr.scenarios.probes import probes
from mockehr.scenarios.report.text import WORDS
from mockehr.scenarios.scorecard import Scorecard


def html(scorecard: Scorecard) -> str:
    """The page. All text from outside is escaped."""
    registry = probes()
    asked = {finding.probe for _, finding in scorecard}
    questions = {name: probe for name, probe in registry.items() if name in asked}
    page = _template().render(scorecard=scorecard, words=WORDS, questions=questions)
    return page.encode("utf-8", "replace").decode()


@cache
def _template() -> Template:
    source = files("mockehr.scenarios.report").joinpath("scorecard.html.j2").read_text("utf-8")
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    return environment.from_string(source)
