"""Quirks of HL7 v2 acknowledgements and frames."""
