"""The EMA API, ModMed's own: FHIR by name, and much its own way. Sources: notes.md of modmed."""
