"""Contracts: what a FHIR server says and shows on one day, kept in a file, and what has changed since."""
