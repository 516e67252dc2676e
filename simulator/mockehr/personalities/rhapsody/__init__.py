"""Rhapsody as a platform."""
