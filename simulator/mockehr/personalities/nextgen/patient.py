"""NextGen's Patient. Sources: notes.md, section Resources."""

from __future__ import annotations

from typing import Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, text_of
from mockehr.personalities.nextgen.look import Look, digits_of

_DIGITS: Final = 12
NUMBERS: Final = "www.nextgen.com"


def shape_patient(made: JSON, clean: JSON, look: Look) -> JSON:
    """One record number, padded, under a system without a scheme; languages in words; an organization that is not."""
    told = [one for one in made.get("identifier", ()) if code_in(one.get("type")) == "MR" and one.get("value")]
    others = [one for one in made.get("identifier", ()) if one not in told]
    made["identifier"] = [{"use": "usual", "system": NUMBERS, "value": padded(str(told[0]["value"]))}] if told else []
    made["identifier"] += others
    for language in made.get("communication", ()):
        language["language"] = {"coding": [{"display": text_of(language.get("language"))}]}
    for name in made.get("name", ()):
        name.pop("text", None)
        name.pop("period", None)
    dead = str(look.tables["dead_organization"])
    if dead and "managingOrganization" in made:
        made["managingOrganization"] = {"reference": f"Organization/{dead}"}
    return made


def padded(number: str) -> str:
    """`000000000318`."""
    return digits_of(number).zfill(_DIGITS) or number
