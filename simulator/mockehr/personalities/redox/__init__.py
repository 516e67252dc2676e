"""Redox."""
