"""A release that nobody told the client of."""

from __future__ import annotations

from dataclasses import dataclass

from mockehr.core import paths
from mockehr.core.exchange import JSON, Exchange
from mockehr.core.problem import Problem
from mockehr.quirks.base import Act, one_of, quirk
from mockehr.quirks.dstu2 import as_dstu2
from mockehr.quirks.shown import change_resources, document_of, show

VERSIONS = ("", "1.0.2", "3.0.2", "4.3.0", "5.0.0")
DSTU2 = "1.0.2"


@quirk("version-drift", family="http", ledger=("D5",), channels=("fhir",))
@dataclass(frozen=True, slots=True)
class VersionDrift:
    """From one request to the next the server answers as another release: elements renamed (`rename`, as
    `birthDate=dateOfBirth`), dropped (`drop`) or added (`add`, as `civilStatus=M`), types `gone` with 410, and
    another `fhir_version` in the CapabilityStatement; 1.0.2 has resources in the shape of DSTU2, too.

    For upgrades that are planned and told of see the setting `upgrade`; this is one that a client only notices.
    Epic's sites were on nine releases at once, four of them a year (the-map, production fleet, 2026;
    vendors-epic-oracle.md A1), and change without a feed that says so (A11). How an endpoint of DSTU2 answers after
    its end is on record for nobody: 410 is what RFC 9110 section 15.5.11 has for it. Narrow it with `where: resource`
    and let it begin with `when: after`. Coping: fetch the CapabilityStatement again when something changed, alert,
    stop; pin the version in `Accept: …; fhirVersion=4.0`, and do not switch to another by oneself.
    """

    rename: tuple[str, ...] = ("birthDate=dateOfBirth",)
    drop: tuple[str, ...] = ()
    add: tuple[str, ...] = ()
    gone: tuple[str, ...] = ()
    fhir_version: str = ""

    def __post_init__(self) -> None:
        one_of("fhir_version", self.fhir_version, VERSIONS)
        if not (self.rename or self.drop or self.add or self.gone or self.fhir_version):
            raise ValueError("one of rename, drop, add, gone and fhir_version is needed")
        for pair in (*self.rename, *self.add):
            if not all(pair.partition("=")):
                raise ValueError(f"{pair!r} is no pair such as birthDate=dateOfBirth")

    def on_result(self, exchange: Exchange, act: Act) -> None:
        """Refuse the types that are gone."""
        kind = exchange.interaction.resource_type if exchange.interaction is not None else ""
        if kind not in self.gone:
            act.leave(f"{kind or 'this'} is still there")
            return
        exchange.result = Problem(410, "version-withdrawn", f"{kind} is not served here any more", resource_type=kind)
        act.why = f"{kind} is gone"

    def on_reply(self, exchange: Exchange, act: Act) -> None:
        """Show resources in their new shape."""
        document = document_of(exchange)
        if document is None:
            act.leave("no resource to change")
            return
        if document.get("resourceType") == "CapabilityStatement":
            self._state(exchange, document, act)
            return
        changed = change_resources(document, self._changed)
        if not changed:
            act.leave("nothing of it has changed")
            return
        show(exchange, document)
        self._name_media(exchange)
        act.why = f"{len(changed)} resources in another shape"

    def _state(self, exchange: Exchange, document: JSON, act: Act) -> None:
        if not self.fhir_version:
            act.leave("the statement stays as it is")
            return
        show(exchange, {**document, "fhirVersion": self.fhir_version})
        act.why = f"says {self.fhir_version}"

    def _name_media(self, exchange: Exchange) -> None:
        reply = exchange.reply
        if reply is not None and self.fhir_version == DSTU2 and "json" in reply.content_type:
            reply.content_type = "application/json+fhir"

    def _changed(self, resource: JSON) -> JSON:
        made = as_dstu2(resource) if self.fhir_version == DSTU2 else resource
        for pair in self.rename:
            old, _, new = pair.partition("=")
            if old in made:
                made = {(new if key == old else key): value for key, value in made.items()}
        for path in self.drop:
            if paths.get_all(made, path):
                made = {key: _copied(value) for key, value in made.items()}
                paths.delete(made, path)
        for pair in self.add if resource.get("resourceType") not in ("OperationOutcome", "Bundle") else ():
            name, _, value = pair.partition("=")
            made = made | {name: value}
        return made


def _copied(node: object) -> object:
    if isinstance(node, dict):
        return {key: _copied(value) for key, value in node.items()}
    return [_copied(item) for item in node] if isinstance(node, list) else node
