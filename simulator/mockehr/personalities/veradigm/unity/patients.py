"""Magic actions about patients: who they are, and which ones there are."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from mockehr.core.clock import instant
from mockehr.core.exchange import JSON
from mockehr.core.problem import Problem
from mockehr.personalities.concepts import text_of
from mockehr.personalities.people import main_name
from mockehr.personalities.veradigm.unity.call import Call, MagicError
from mockehr.personalities.veradigm.unity.people import user_name
from mockehr.personalities.veradigm.unity.words import Row, day, email_of, head, phone_of, read_date, seconds_of

YEAR = 365.25 * 86400
RACE = "http://hl7.org/fhir/us/core/StructureDefinition/us-core-race"
SSN = "http://hl7.org/fhir/sid/us-ssn"


def get_patient(call: Call) -> list[Row]:
    """The demographics of PatientID."""
    return [_demographics(call, call.patient())]


def get_patient_by_mrn(call: Call) -> list[Row]:
    """Those of the patient with the record number Parameter1."""
    number = call.parameter(1).strip("#")
    found = call.find("Patient", f"identifier={quote(number)}", 2) if number else []
    if not found:
        raise MagicError(f"MRN {number[:40] or '(none)'} was not found.")
    call.exchange.patient = str(found[0]["id"])
    return [_demographics(call, found[0])]


def search_patients(call: Call) -> list[Row]:
    """By Parameter1: `Last, First`, a part of either, a date of birth, or a record number."""
    text = call.parameter(1)
    if not text:
        raise MagicError("Search criteria are required.")
    born = read_date(text, "UTC")
    family, comma, given = text.partition(",")
    if born is not None:
        query = {"birthdate": instant(born)[:10]}
    elif text.isdecimal():
        query = {"identifier": text}
    elif comma:
        query = {"family": family.strip(), "given": given.strip()}
    else:
        query = {"name": text}
    found = call.find("Patient", urlencode({name: value for name, value in query.items() if value}))
    return [_listed(call, one) for one in found]


def get_changed_patients(call: Call) -> list[Row]:
    """The numbers of those whose demographics changed since Parameter1."""
    since = read_date(call.parameter(1), call.zone)
    if since is None:
        raise MagicError("Parameter1 is no date.")
    found = call.records.search("Patient", f"_lastUpdated=ge{instant(since)}", limit=int(call.settings["most"]))
    changed = call.records.written("Patient", since) if isinstance(found, Problem) else found[1]
    return [{"patientid": call.number(str(call.saw(one)["id"]))} for one in changed]


def record_number(patient: JSON) -> str:
    """The medical record number."""
    told = patient.get("identifier", ())
    kinds = ((one, text_of(one.get("type"))) for one in told)
    return str(next((one for one, kind in kinds if "record" in kind.lower()), head(told)).get("value", ""))


def parts_of(patient: JSON) -> tuple[str, str, str]:
    """(last, first, middle) name."""
    name = main_name(patient)
    given = [*name.get("given", ()), "", ""]
    return str(name.get("family", "")), str(given[0]), str(given[1])


def sex_of(patient: JSON) -> str:
    """`Female`, `Male` or `Unknown`."""
    told = str(patient.get("gender", "unknown"))
    return told.capitalize() if told in ("female", "male") else "Unknown"


def _listed(call: Call, patient: JSON) -> Row:
    last, first, middle = parts_of(patient)
    return {
        "ID": call.number(str(patient["id"])),
        "mrn": record_number(patient),
        "LastName": last,
        "Firstname": first,
        "middlename": middle,
        "gender": sex_of(patient),
        "dateofbirth": day(str(patient.get("birthDate", "")), call.zone),
        "ssn": _ssn(patient),
        "HomePhone": phone_of(patient, "home"),
        "base64image": "",
    }


def _demographics(call: Call, patient: JSON) -> Row:
    last, first, middle = parts_of(patient)
    address = head(patient.get("address", ()))
    lines = [*address.get("line", ()), "", ""]
    email, home = email_of(patient), phone_of(patient, "home")
    return {
        "Language": text_of(head(patient.get("communication", ())).get("language")),
        "HomeEmail": email,
        "PhoneNumber": home,
        **_age(patient, call.records.now()),
        "middlename": middle,
        "mrn": record_number(patient),
        "suffix": " ".join(main_name(patient).get("suffix", ())),
        "Email": email,
        "LastName": last,
        "WorkPhone": phone_of(patient, "work"),
        "gender": sex_of(patient),
        "Race": _race(patient),
        "ssn": _ssn(patient),
        "dateofbirth": day(str(patient.get("birthDate", "")), call.zone),
        "AddressLine2": str(lines[1]),
        "ZipCode": str(address.get("postalCode", "")),
        "PrimaryInsurance": _insurance(call, patient),
        "State": str(address.get("state", "")),
        "Firstname": first,
        "MaritalStatus": text_of(patient.get("maritalStatus")),
        "cellphone": phone_of(patient, "mobile"),
        "PatientLocation": "",
        **_physician(call, patient),
        "Addressline1": str(lines[0]),
        "base64image": "",
        "City": str(address.get("city", "")),
        "DEM_EXTERNALID": record_number(patient),
        "HomePhone": home,
        "ID": call.number(str(patient["id"])),
    }


def _age(patient: JSON, now: float) -> Row:
    born = seconds_of(str(patient.get("birthDate", "")))
    years = max(0.0, (now - born) / YEAR) if born is not None else None
    return {"age": "" if years is None else f"{int(years)}y", "AgeDec": "" if years is None else f"{years:.3f}"}


def _race(patient: JSON) -> str:
    for one in patient.get("extension", ()):
        if one.get("url") == RACE:
            texts = (str(part["valueString"]) for part in one.get("extension", ()) if part.get("url") == "text")
            return next(texts, "")
    return ""


def _ssn(patient: JSON) -> str:
    found = (str(one["value"]) for one in patient.get("identifier", ()) if one.get("system") == SSN)
    return next(found, "No SSN")


def _insurance(call: Call, patient: JSON) -> str:
    for one in call.of_patient("Coverage", patient):
        if one.get("status") == "active" and one.get("payor"):
            return str(one["payor"][0].get("display", "")) or "No primary insurance"
    return "No primary insurance"


def _physician(call: Call, patient: JSON) -> Row:
    reference = str(head(patient.get("generalPractitioner", ())).get("reference", ""))
    found = call.records.read("Practitioner", reference.rpartition("/")[2]) if reference else None
    if found is None:
        return {"PhysLastName": "", "PhysPhone": "", "PhysFirstName": "", "PhysUserName": ""}
    last, first, _ = parts_of(found)
    return {
        "PhysLastName": last,
        "PhysPhone": phone_of(found, "work"),
        "PhysFirstName": f"{first} ",
        "PhysUserName": user_name(found).upper(),
    }
