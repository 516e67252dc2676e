"""A scorecard as text, as JUnit XML and as a page."""

from mockehr.scenarios.report.html import html
from mockehr.scenarios.report.junit import junit
from mockehr.scenarios.report.text import table, text

__all__ = ["html", "junit", "table", "text"]
