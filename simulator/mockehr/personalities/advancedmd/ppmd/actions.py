"""Every ppmdmsg action by its name. One function is one action; an action that is not here does not exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.personalities.advancedmd.ppmd.call import Call
from mockehr.personalities.advancedmd.ppmd.lookups import (
    get_scheduler_setup,
    look_up_carrier,
    look_up_diagnosis,
    look_up_facility,
    look_up_profile,
    look_up_provider,
)
from mockehr.personalities.advancedmd.ppmd.patients import get_demographic, get_updated_patients, look_up_patient
from mockehr.personalities.advancedmd.ppmd.visits import get_date_visits, get_patient_visits, get_updated_visits
from mockehr.personalities.advancedmd.ppmd.writes import add_insurance, add_patient, save_patient_note
from mockehr.personalities.markup import Element

Action = Callable[[Call], Element]
"""From a call to `Results`; raises Fault, or Refused."""

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "addinsurance": add_insurance,
        "addpatient": add_patient,
        "getdatevisits": get_date_visits,
        "getdemographic": get_demographic,
        "getpatientvisits": get_patient_visits,
        "getschedulersetup": get_scheduler_setup,
        "getupdatedpatients": get_updated_patients,
        "getupdatedvisits": get_updated_visits,
        "lookupcarrier": look_up_carrier,
        "lookupdiagcode": look_up_diagnosis,
        "lookupfacility": look_up_facility,
        "lookuppatient": look_up_patient,
        "lookupprofile": look_up_profile,
        "lookupprovider": look_up_provider,
        "savepatientnotes": save_patient_note,
    }
)
