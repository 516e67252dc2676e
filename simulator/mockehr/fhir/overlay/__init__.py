"""What was written at a site: one interface, and the places that can hold it."""

from mockehr.fhir.overlay.memory import MemoryOverlay
from mockehr.fhir.overlay.model import Kept, Key, Overlay, Overtaken, identifiers_of
from mockehr.fhir.overlay.sqlite import SqliteOverlay

__all__ = ["Kept", "Key", "MemoryOverlay", "Overlay", "Overtaken", "SqliteOverlay", "identifiers_of"]
