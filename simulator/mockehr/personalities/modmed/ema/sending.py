"""Records on their way out through the EMA API. Sources: notes.md of modmed, section EMA resources."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from mockehr.core.exchange import JSON
from mockehr.personalities.concepts import code_in, coding
from mockehr.personalities.modmed.ema.files import Files
from mockehr.personalities.modmed.ema.wording import (
    EXTENSIONS,
    FILE_NAME,
    PAYER_ID,
    PMS,
    RECORD_NUMBER,
    SYSTEMS,
    address,
    as_text,
    fraction,
    is_payer,
    outer_id,
)
from mockehr.personalities.proprietary import Records

_MARITAL: Final = "http://terminology.hl7.org/CodeSystem/v3-MaritalStatus"
_OBSERVED: Final = "http://terminology.hl7.org/CodeSystem/v3-ObservationValue"
_DROPPED: Final = frozenset({"text", "meta", "contained"})


class Sending:
    """One answer's way of writing records. `base` is the absolute URL that record types stand below."""

    def __init__(
        self, records: Records, base: str, root: str, files: Files, told: Mapping[str, Any], flags: frozenset[str]
    ) -> None:
        self._records = records
        self._base = base
        self._root = root
        self._files = files
        self._told = told
        self._referral = "referral" in flags

    def resource(self, stored: JSON) -> JSON:
        """A record as the EMA API has it."""
        kind = str(stored["resourceType"])
        made: JSON = {"resourceType": kind, "id": outer_id(stored)}
        updated = stored.get("meta", {}).get("lastUpdated")
        if updated:
            made["meta"] = {"lastUpdated": updated}
        made |= {
            name: self._copy(value, name)
            for name, value in stored.items()
            if name not in made and name not in _DROPPED
        }
        shaper = getattr(self, f"_{kind.lower()}", None)
        if shaper is not None:
            shaper(made, stored)
        return made

    def _copy(self, node: Any, name: str = "") -> Any:
        if isinstance(node, list):
            return [self._copy(one, name) for one in node]
        if not isinstance(node, dict):
            return node
        made = {key: self._copy(value, key) for key, value in node.items()}
        reference = node.get("reference")
        if isinstance(reference, str) and "/" in reference and not reference.startswith(("http", "urn:", "#")):
            return self._reference(reference)
        if "system" in made and "code" in made:
            made["system"] = SYSTEMS.get(made["system"], made["system"])
        if name == "extension":
            made["url"] = EXTENSIONS.get(str(made.get("url")), str(made.get("url", "")).rpartition("/")[2])
        if name == "valueMoney":
            made["value"] = as_text(made.get("value"))
        if "country" in made:
            made["country"] = self._told["country"] if made["country"] in ("US", "USA") else made["country"]
        return made

    def _reference(self, reference: str) -> JSON:
        """The absolute address, and the same to be shown."""
        kind, _, id = reference.rpartition("/")
        stored = self._records.read(kind, id) if kind in ("Organization", "DocumentReference", "ChargeItem") else None
        url = address(self._base, kind, outer_id(stored) if stored is not None else id)
        return {"reference": url, "display": url}

    def _patient(self, made: JSON, stored: JSON) -> None:
        told = (one for one in stored.get("identifier", ()) if code_in(one.get("type")) == "MR")
        number = next((str(one["value"]) for one in told if one.get("value")), "")
        made["identifier"] = [{"system": PMS, "value": str(stored["id"])}]
        if number:
            made["identifier"].insert(0, {"system": RECORD_NUMBER, "value": number})
        if code_in(stored.get("maritalStatus")) in ("", "UNK"):
            made["maritalStatus"] = {"coding": [coding(_MARITAL, "T", "Unreported")], "text": "Unreported"}
        if not any(one.get("url") == "ethnicity" for one in made.get("extension", ())):
            unspecified = {"url": "ethnicity", "extension": [{"url": "text", "valueString": "Unspecified"}]}
            made["extension"] = [*made.get("extension", ()), unspecified]
        if self._referral and made.get("generalPractitioner"):
            source = {"url": "referralSource", "valueReference": made["generalPractitioner"][0]}
            made["extension"].append(source)

    def _condition(self, made: JSON, stored: JSON) -> None:
        for one in made.get("clinicalStatus", {}).get("coding", ()):
            one["code"] = str(one.get("code", "")).upper()

    def _chargeitem(self, made: JSON, stored: JSON) -> None:
        for reason in made.get("reason", ()):
            for one in reason.get("coding", ()):
                if one.get("system") == "ICD10":
                    one["system"] = "I10"

    def _appointment(self, made: JSON, stored: JSON) -> None:
        if "minutesDuration" in made:
            made["minutesDuration"] = as_text(made["minutesDuration"])

    def _slot(self, made: JSON, stored: JSON) -> None:
        for name in ("start", "end"):
            if name in made:
                made[name] = fraction(str(made[name]))
        if "schedule" in made:
            shown = stored["schedule"].get("display") or str(stored["schedule"].get("reference", ""))
            made["schedule"] = {"display": shown}

    def _organization(self, made: JSON, stored: JSON) -> None:
        if is_payer(stored):
            values = [str(one["value"]) for one in stored.get("identifier", ()) if one.get("value")]
            made["identifier"] = [{"system": PAYER_ID, "value": value} for value in values[:1]]

    def _documentreference(self, made: JSON, stored: JSON) -> None:
        made["meta"] = {**made.get("meta", {}), "tag": [coding(_OBSERVED, "SUBSETTED", "subsetted")]}
        for content, original in zip(made.get("content", ()), stored.get("content", ()), strict=False):
            told = original.get("attachment", {})
            url, title = str(told.get("url", "")), str(told.get("title") or stored["id"])
            made["identifier"] = [{"system": FILE_NAME, "value": title}]
            attachment: JSON = {"contentType": told.get("contentType", "application/octet-stream")}
            place = f"document.{stored['id']}" if "data" in told else ""
            if url.startswith("Binary/"):
                place = f"binary.{url.removeprefix('Binary/')}"
            if place:
                attachment["url"] = self._root + self._files.signed(place, self._records)
            content["attachment"] = attachment
