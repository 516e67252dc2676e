"""Batches and transactions (FHIR R4 http.html#transaction): reading a Bundle of requests, and answering it."""
