"""How AWS HealthLake speaks: the names of its exceptions, and the control plane beside FHIR. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Sequence

from mockehr.core.exchange import Reply
from mockehr.core.problem import Problem
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.healthlake.control_plane import ControlPlane
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.model import Personality
from mockehr.personalities.proprietary import Api


class Vendor(Personality):
    """HealthLake."""

    def tenant(self, facts: SiteFacts) -> str:
        """The id of the data store: 32 hexadecimal digits."""
        return facts.tenant or facts.key("datastore").hex()[:32]

    def ids(self, facts: SiteFacts) -> IdCodec:
        """GUIDs."""
        return NumberedIds(facts.key, {}, default="{uuid}")

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The control plane."""
        return (ControlPlane(self.tenant(facts), facts.name, self.fhir_path(facts)),)

    def refuse(self, problem: Problem, base_url: str, accept: str) -> Reply:
        """An OperationOutcome, with the exception's name in a header where there is one."""
        reply = super().refuse(problem, base_url, accept)
        name = self.settings["errors"]["kinds"].get(problem.kind)
        if name:
            reply.headers.append(("x-amzn-ErrorType", str(name)))
        return reply
