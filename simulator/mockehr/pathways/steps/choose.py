"""One of several ways on, by weight."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from mockehr.config.settings import Section
from mockehr.pathways.act import Act
from mockehr.pathways.step import Step

if TYPE_CHECKING:
    from mockehr.pathways.schema import AnyStep


class Branch(Section):
    """One way on; without steps, nothing happens on it."""

    weight: float = Field(default=1, gt=0)
    steps: list[AnyStep] = Field(default_factory=list)


class Choose(Step):
    """`- choose: [{weight: 3, steps: [...]}, {weight: 1, steps: [...]}]`."""

    NAME: ClassVar[str] = "choose"
    SHORT: ClassVar[str] = "of"

    of: list[Branch] = Field(min_length=2)

    def run(self, act: Act) -> None:
        """The steps of the branch come next."""
        branch = act.stream.weighted(self.of, [one.weight for one in self.of])
        act.enter(branch.steps)
