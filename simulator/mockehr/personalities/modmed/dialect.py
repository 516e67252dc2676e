"""ModMed's way of speaking: Keycloak below the FHIR base, and the EMA API beside it. Sources: notes.md."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.dresser import SiteFacts
from mockehr.personalities.ids import IdCodec, NumberedIds
from mockehr.personalities.links import ADDRESSES
from mockehr.personalities.model import Personality
from mockehr.personalities.modmed.ema.files import Files
from mockehr.personalities.modmed.ema.service import Ema
from mockehr.personalities.modmed.ema.tokens import Tokens
from mockehr.personalities.proprietary import Api

_ODD: Final = re.compile(r"[^a-z0-9]+")


class Vendor(Personality):
    """Modernizing Medicine."""

    def tenant(self, facts: SiteFacts) -> str:
        """The firm: the site's own name, unless it is told."""
        return facts.tenant or _ODD.sub("", facts.name.lower()) or "firm"

    def ids(self, facts: SiteFacts) -> IdCodec:
        """Numbers for everything."""
        return NumberedIds(facts.key, self.settings["ids"]["forms"])

    def apis(self, facts: SiteFacts) -> Sequence[Api]:
        """The EMA API: its tokens, its records, its attachments."""
        prefix = self._path("ema", facts)
        if not prefix:
            return ()
        told = self.settings["ema"]
        files = Files(self._path("files", facts), float(told["file_seconds"]))
        return (Tokens(prefix, told), Ema(prefix, self.fhir_path(facts).rstrip("/"), told, files), files)

    def token_document(self, document: JSON, grant: Any) -> JSON:
        """With what Keycloak tells of a system's token besides."""
        made = dict(document)
        if grant is not None and not grant.user:
            made |= self.settings["token"]["members"]
        return made

    def smart_configuration(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """Scopes in the second dialect alone."""
        told = self.settings["interactions"]["resources"]
        listed = [f"{context}/{kind}.rs" for context in ("patient", "user", "system") for kind in told]
        scopes = [*self.settings["smart_configuration"]["scopes"], *listed]
        return super().smart_configuration({**document, "scopes_supported": scopes}, facts, base_url)

    def capability(self, document: JSON, facts: SiteFacts, base_url: str) -> JSON:
        """The address tells its port."""
        made = super().capability(document, facts, base_url)
        described = made.get("implementation", {}).get("description", "")
        made["implementation"] = {"description": described, "url": ADDRESSES["port"](base_url)}
        return made
