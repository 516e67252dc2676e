"""NextGen Enterprise: its FHIR API, and below `native` the API of its own."""
