"""Every Magic action by its name. One function is one action; an action that is not here does not exist."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

from mockehr.personalities.veradigm.unity.call import Call
from mockehr.personalities.veradigm.unity.clinical import get_clinical_summary, get_documents, get_orders
from mockehr.personalities.veradigm.unity.patients import (
    get_changed_patients,
    get_patient,
    get_patient_by_mrn,
    search_patients,
)
from mockehr.personalities.veradigm.unity.people import (
    get_provider,
    get_providers,
    get_server_info,
    get_user_authentication,
)
from mockehr.personalities.veradigm.unity.visits import get_encounter_list, get_schedule
from mockehr.personalities.veradigm.unity.words import Row
from mockehr.personalities.veradigm.unity.writes import save_note, save_unstructured_document

Action = Callable[[Call], list[Row]]
"""From a call to the rows of its answer; raises MagicError."""

ACTIONS: Final[Mapping[str, Action]] = MappingProxyType(
    {
        "GetChangedPatients": get_changed_patients,
        "GetClinicalSummary": get_clinical_summary,
        "GetDocuments": get_documents,
        "GetEncounterList": get_encounter_list,
        "GetOrders": get_orders,
        "GetPatient": get_patient,
        "GetPatientByMRN": get_patient_by_mrn,
        "GetProvider": get_provider,
        "GetProviders": get_providers,
        "GetSchedule": get_schedule,
        "GetServerInfo": get_server_info,
        "GetUserAuthentication": get_user_authentication,
        "SaveNote": save_note,
        "SaveUnstructuredDocument": save_unstructured_document,
        "SearchPatients": search_patients,
    }
)


def named(text: str) -> str:
    """The action of that name as it is written here, whatever the case that a client gave it; empty for none."""
    lowered = text.lower()
    return next((name for name in ACTIONS if name.lower() == lowered), "")
