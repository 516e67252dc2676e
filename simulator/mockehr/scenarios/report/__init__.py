"""Runs of scenarios as text, as JUnit XML, as a page, as SARIF, for GitHub, and against a baseline."""

from mockehr.scenarios.report.html import html
from mockehr.scenarios.report.junit import junit
from mockehr.scenarios.report.run import Run, run_of
from mockehr.scenarios.report.sarif import sarif
from mockehr.scenarios.report.text import table, text

__all__ = ["Run", "html", "junit", "run_of", "sarif", "table", "text"]
