"""Extended operations (`$everything`, `$validate` …): one file each, found by looking through this folder.

FHIR R4 operations.html. A file holds one or more `Operation` values at its top level; nothing else has to know it.
"""

from mockehr.fhir.operations.base import Input, Operation, operations

__all__ = ["Input", "Operation", "operations"]
