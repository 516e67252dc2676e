"""Cloverleaf as a platform."""
