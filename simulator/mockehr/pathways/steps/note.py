"""A progress note in a line or two (MDM^T02)."""

from __future__ import annotations

from typing import ClassVar

from mockehr.pathways.act import Act
from mockehr.pathways.step import Step
from mockehr.pathways.steps.document import Document


class Note(Step):
    """Short for a `document` of kind progress-note."""

    NAME: ClassVar[str] = "note"
    SHORT: ClassVar[str] = "text"

    text: str
    """What it says; placeholders as in `document`."""

    def run(self, act: Act) -> None:
        """A DocumentReference."""
        Document(text=self.text, name=f"note {act.when}").run(act)
