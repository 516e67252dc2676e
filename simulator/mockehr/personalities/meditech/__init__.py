"""MEDITECH Expanse."""
