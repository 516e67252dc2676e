"""Unity: Veradigm's own API beside FHIR, known as MagicJson."""
