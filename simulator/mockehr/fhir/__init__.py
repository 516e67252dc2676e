"""What a correct FHIR R4 server does."""
