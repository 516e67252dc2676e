"""An app that is opened with the address of another environment."""

from __future__ import annotations

from dataclasses import dataclass, replace
from urllib.parse import urlsplit

from mockehr.auth.launches import Opening
from mockehr.quirks.base import Act, quirk


@quirk("wrong-instance", family="launch", ledger=("B6",), channels=("launch",))
@dataclass(frozen=True, slots=True)
class WrongInstance:
    """`iss` of an EHR launch is not the hospital's production server. Without `iss` it is the hospital's other
    environment on the same host, which has a SMART configuration and endpoints of its own; else the given address,
    in which `{origin}` stands for scheme and host of the right one.

    Coping: hold `iss` against the known sites before anything is asked of it, and never go to the authorization or
    token endpoint that an unknown one names.
    """

    iss: str = ""

    def __post_init__(self) -> None:
        if self.iss and not self.iss.startswith(("http://", "https://", "{origin}/")):
            raise ValueError(f"iss is {self.iss!r}; it must be an address, or begin with {{origin}}/")

    def on_launch(self, opening: Opening, act: Act) -> Opening:
        """Open the app with another `iss`."""
        right = urlsplit(opening.iss)
        told = self.iss.replace("{origin}", f"{right.scheme}://{right.netloc}")
        told = told or act.world.page_address("elsewhere", opening.iss)
        act.why = f"iss is {told}"
        return replace(opening, iss=told)
