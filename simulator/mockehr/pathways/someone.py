"""One person of a pathway while it runs: who it is, and what steps have written of them so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from mockehr.core.exchange import JSON
from mockehr.pathways.beds import Bed
from mockehr.pathways.person import PersonConfig


@dataclass(slots=True)
class Someone:
    """All keys are `Type/id` of clean resources of the run; empty if there is none."""

    name: str
    wish: PersonConfig
    patient: str = ""
    wanted: str = ""
    """Id of the patient whom the caller asked for."""
    visit: str = ""
    """The Encounter that is under way or was last."""
    bed: Bed | None = None
    left: list[Bed] = field(default_factory=list)
    """Beds before this one, for what is cancelled."""
    attending: JSON = field(default_factory=dict)
    orders: dict[str, str] = field(default_factory=dict)
    """ServiceRequests by the name that the pathway gives them."""
    profiles: dict[str, str] = field(default_factory=dict)
    """Order profiles by the same names."""
    reports: dict[str, str] = field(default_factory=dict)
    documents: dict[str, str] = field(default_factory=dict)
    appointments: dict[str, str] = field(default_factory=dict)
    prescriptions: dict[str, str] = field(default_factory=dict)
    conditions: list[str] = field(default_factory=list)
    """Diagnoses of the present visit."""
    sizes: dict[str, float] = field(default_factory=dict)
    """Where weight and height lie between the bounds that steps give them, 0 to 1: nobody gains 30 kg in a week."""
    dead: bool = False
    merged: bool = False
