"""What a server can be asked to do: one file each, a function of the server and the exchange."""

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from mockehr.core.exchange import Exchange
from mockehr.fhir.interactions.capabilities import capabilities
from mockehr.fhir.interactions.create import create
from mockehr.fhir.interactions.delete import delete
from mockehr.fhir.interactions.history import history
from mockehr.fhir.interactions.operation import operation
from mockehr.fhir.interactions.options import options
from mockehr.fhir.interactions.patch import patch
from mockehr.fhir.interactions.read import read, vread
from mockehr.fhir.interactions.search import search
from mockehr.fhir.interactions.transaction import transaction
from mockehr.fhir.interactions.update import update
from mockehr.fhir.server import FhirServer

INTERACTIONS: Final[Mapping[str, Callable[[FhirServer, Exchange], Any]]] = MappingProxyType(
    {
        "batch": transaction,
        "capabilities": capabilities,
        "create": create,
        "delete": delete,
        "history-instance": history,
        "history-system": history,
        "history-type": history,
        "operation": operation,
        "options": options,
        "patch": patch,
        "read": read,
        "search": search,
        "search-compartment": search,
        "search-system": search,
        "transaction": transaction,
        "update": update,
        "vread": vread,
    }
)
