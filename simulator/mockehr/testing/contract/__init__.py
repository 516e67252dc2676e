"""A state machine that holds a FHIR server to its own CapabilityStatement."""

from mockehr.testing.contract.door import Answer, Door, door_of
from mockehr.testing.contract.machine import Contract, contract

__all__ = ["Answer", "Contract", "Door", "contract", "door_of"]
