"""Why a patch cannot be applied."""

from __future__ import annotations


class PatchFault(ValueError):
    """A patch that is malformed (`status` 400) or does not fit the resource (422); the message is for people."""

    def __init__(self, text: str, *, status: int = 422, expression: str = "") -> None:
        super().__init__(text)
        self.status = status
        self.expression = expression
        """Where in the patch the trouble is."""
