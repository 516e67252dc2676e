"""Bringing files of resources in while a site runs, piece by piece; `mockehr bulk import` reads the files."""

from __future__ import annotations

from typing import Any

from mockehr.control.operation import operation
from mockehr.fhir.intake import Intake, import_text
from mockehr.sites.site import Site


@operation("bulk import", "POST", "/bulk/import")
def take_in(site: Site, text: str, source: str = "call", first: int = 0) -> dict[str, Any]:
    """Import lines of NDJSON, of which the first has the number `first`; with 0, the JSON of a resource or Bundle.

    What is stored is the text to the octet. `source` is told with the number of a line that is refused.
    """
    intake = Intake()
    octets = text.encode()
    # A line feed alone parts lines: texts may hold U+2028 and the like.
    lines = enumerate(octets.split(b"\n"), first) if first else ((0, octets),)
    with site.store.transaction():
        for number, line in lines:
            if line.strip():
                place = f"{source}:{number}" if number else source
                import_text(site.store, line, intake, source=place, version=site.fhir.fhir_version)
    return {"stored": intake.stored, "refused": intake.refused}
