"""Whom a pathway is about, as its file says."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from mockehr.config.settings import Section
from mockehr.core.chance import Stream
from mockehr.core.exchange import JSON
from mockehr.pathways.scalars import Amount


class PersonConfig(Section):
    """Somebody whom a pathway is about; what is left out is left to chance."""

    of: Literal["population", "new"] = "population"
    """A patient of the site, or one whom nobody knows there yet; where nobody of the population fits, a new one."""
    age: Amount | None = None
    """In years."""
    sex: Literal["female", "male"] | None = None
    family: str = ""
    given: str = ""
    """First name, or several with spaces between them."""
    birth_date: str = Field(default="", pattern=r"^(\d{4}-\d\d-\d\d)?$")
    mrn: str = ""
    """Medical record number; of a new patient."""
    street: str = ""
    city: str = ""
    state: str = ""
    postcode: str = ""
    phone: str = ""
    mother: str = ""
    """Another person, who gives birth to this one in the step `birth`."""
    like: str = ""
    """Another person who this one really is: registered once more, as `of: new`, under a name that was misspelled."""


def registered_again(wish: PersonConfig, patient: JSON, stream: Stream) -> PersonConfig:
    """What a second registration of a (clean) patient says; what the file says of the person counts more."""
    name, home = patient["name"][0], (patient.get("address") or [{}])[0]
    told = {
        "family": misspelled(name["family"], stream),
        "given": (name.get("given") or [""])[0],
        "birth_date": patient["birthDate"],
        "sex": patient["gender"],
        "street": (home.get("line") or [""])[0],
        "city": home.get("city", ""),
        "state": home.get("state", ""),
        "postcode": home.get("postalCode", ""),
    }
    return wish.model_copy(update=told | wish.model_dump(include=wish.model_fields_set & told.keys()))


def misspelled(text: str, stream: Stream) -> str:
    """Two neighbouring letters change places, or one is written twice."""
    place = 1 + stream.below(max(1, len(text) - 2))
    one, other = text[place : place + 1], text[place + 1 : place + 2]
    swapped = text[:place] + other + one + text[place + 2 :]
    return swapped if swapped != text else text[:place] + one + text[place:]
