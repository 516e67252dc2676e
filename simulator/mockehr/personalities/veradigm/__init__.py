"""Veradigm, formerly Allscripts."""
