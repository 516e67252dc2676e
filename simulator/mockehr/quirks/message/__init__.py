"""Quirks of what HL7 v2 messages say and how they are written; what the links do is in `quirks/hl7`."""
