"""The directory of organizations that AdvancedMD serves: here the one of the site. Sources: notes.md."""

from __future__ import annotations

from collections.abc import Sequence

from mockehr.core.exchange import Exchange, Interaction, Reply
from mockehr.core.problem import Problem
from mockehr.personalities.advancedmd.envelopes import QUOTA, titled
from mockehr.personalities.concepts import coding, concept
from mockehr.personalities.proprietary import Records


class EndpointDirectory:
    """See `mockehr.personalities.proprietary.Api`."""

    name = "endpoint-directory"
    bearer = False

    def __init__(self, path: str, fhir_path: str, site: str, tenant: str) -> None:
        self.paths: Sequence[str] = (path,)
        self._fhir, self._site, self._tenant = fhir_path, site, tenant

    @property
    def routes(self) -> Sequence[tuple[str, str, str]]:
        """See Api."""
        return (("GET", self.paths[0], "endpoints"),)

    def interaction(self, exchange: Exchange) -> Interaction:
        """See Api."""
        return Interaction("endpoints")

    def answer(self, exchange: Exchange, records: Records) -> Reply:
        """A Bundle of one Endpoint with the base URL of FHIR."""
        if exchange.path != self.paths[0]:
            return Reply(404, [], document=titled("Not Found", "There is nothing at this address."))
        if exchange.method not in ("GET", "HEAD"):
            return Reply(405, [("Allow", "GET, HEAD")])
        kind = coding("http://terminology.hl7.org/CodeSystem/endpoint-connection-type", "hl7-fhir-rest", "")
        payload = concept("http://terminology.hl7.org/CodeSystem/endpoint-payload-type", "any", "Any")
        endpoint = {
            "resourceType": "Endpoint",
            "id": self._tenant,
            "status": "active",
            "connectionType": {key: value for key, value in kind.items() if value},
            "name": self._site,
            "payloadType": [payload],
            "address": self._address(exchange.base_url),
        }
        bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": endpoint}]}
        return Reply(200, [], document=bundle, content_type="application/fhir+json")

    def refuse(self, problem: Problem) -> Reply:
        """See Api."""
        document = titled(*QUOTA) if problem.status == 429 else titled("Error", problem.text)
        return Reply(problem.status, [], document=document, content_type="application/json")

    def _address(self, base_url: str) -> str:
        base = base_url.rstrip("/")
        return base if base.endswith(self._fhir) else base + self._fhir
