"""Patches: a document and a patch give another document (FHIR R4 http.html#patch)."""

from mockehr.fhir.patch.errors import PatchFault
from mockehr.fhir.patch.fhirpath_patch import apply_fhirpath_patch
from mockehr.fhir.patch.json_patch import apply_json_patch

__all__ = ["PatchFault", "apply_fhirpath_patch", "apply_json_patch"]
