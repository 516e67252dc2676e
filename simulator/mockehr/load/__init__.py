"""Payloads and users for load tests."""
