"""What all steps have in common, and how they are found: every class `Step` in the files of `steps/`."""

from __future__ import annotations

import importlib
import pkgutil
from abc import abstractmethod
from functools import cache
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import Field

import mockehr.pathways.steps as folder
from mockehr.config.settings import Section
from mockehr.core.errors import UsageError
from mockehr.core.registry import Registry
from mockehr.pathways.scalars import Percent, Span

if TYPE_CHECKING:
    from mockehr.pathways.act import Act

Event = Annotated[str, Field(pattern=r"^([A-Z]{3}\^[A-Z0-9]{3}|-)$")]
"""Type and trigger of a message, or `-` for none."""


class Refused(UsageError):
    """A step that cannot be taken as things stand: a discharge of somebody who was never admitted."""


class NoBed(Exception):
    """A step waits for a bed of `ward`; nothing was written. Never leaves this package."""

    def __init__(self, ward: str) -> None:
        super().__init__(ward)
        self.ward = ward


class Step(Section):
    """One thing that happens."""

    NAME: ClassVar[str] = ""
    """What files call it; a class without a name is no step."""
    SHORT: ClassVar[str] = ""
    """The field that a plain value stands for: `- transfer: ICU`."""

    person: str = ""
    """Whom it happens to; the first person of the pathway unless told."""
    chance: Percent = 1.0
    """The share of runs in which it happens."""
    after: Span | None = None
    """It happens so much later, while the steps behind it go on."""
    at: str = ""
    """In `history`: how long ago it happened, such as `-30d`."""
    event: Event | None = None
    """The HL7 message that tells of it, in place of the usual one; `-` for none."""

    @classmethod
    def expand(cls, value: Any) -> Any:
        """What was written, as the mapping that it stands for: a plain value is that of `SHORT`."""
        if value is None:
            return {}
        return {cls.SHORT: value} if cls.SHORT and not isinstance(value, dict) else value

    @abstractmethod
    def run(self, act: Act) -> None:
        """Let it happen. Raises Refused where it cannot, NoBed where it has to wait."""

    def persons(self) -> list[str]:
        """Further persons that it is about, for the check of the file."""
        return []


@cache
def steps() -> Registry[type[Step]]:
    """Every step there is, by name."""
    registry: Registry[type[Step]] = Registry("step", reference="mockehr pathway steps")
    for module in pkgutil.iter_modules(folder.__path__, folder.__name__ + "."):
        for thing in vars(importlib.import_module(module.name)).values():
            if isinstance(thing, type) and issubclass(thing, Step) and thing.__module__ == module.name and thing.NAME:
                registry.add(thing.NAME, thing)
    return registry
