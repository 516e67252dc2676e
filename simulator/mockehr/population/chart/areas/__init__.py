"""One module per clinical area. The order here is the order in which problems are written into a chart."""

from __future__ import annotations

from typing import Final

from mockehr.population.chart.areas import (
    anaemia,
    asthma,
    atrial_fibrillation,
    copd,
    depression,
    diabetes,
    gallstones,
    hyperlipidaemia,
    hypertension,
    hypothyroidism,
    infections,
    injuries,
    kidney,
    obesity,
    osteoarthritis,
    pregnancy,
    reflux,
    rhinitis,
)
from mockehr.population.chart.course import Area

AREAS: Final[tuple[Area, ...]] = (
    hypertension.AREA,
    diabetes.AREA,
    hyperlipidaemia.AREA,
    obesity.AREA,
    kidney.AREA,
    atrial_fibrillation.AREA,
    hypothyroidism.AREA,
    asthma.AREA,
    copd.AREA,
    depression.AREA,
    osteoarthritis.AREA,
    reflux.AREA,
    anaemia.AREA,
    rhinitis.AREA,
    gallstones.AREA,
    pregnancy.AREA,
    *infections.AREAS,
    *injuries.AREAS,
)
