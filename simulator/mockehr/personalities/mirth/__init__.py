"""Mirth Connect as a platform."""
