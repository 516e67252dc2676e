"""Charts: what a patient's record holds, one module per clinical area. `chart.draw_chart` is the way in."""

from mockehr.population.chart.chart import Chart, draw_chart, draw_patient
from mockehr.population.chart.medication import medications
from mockehr.population.chart.subject import Staff, Subject, staff_of

__all__ = ["Chart", "Staff", "Subject", "draw_chart", "draw_patient", "medications", "staff_of"]
