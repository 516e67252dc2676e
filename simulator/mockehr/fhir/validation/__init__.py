"""Validation of resources: structure from the element table, bindings, invariants, profiles.

`mockehr.fhir.validate` is the door; the modules here are its rooms.
"""
