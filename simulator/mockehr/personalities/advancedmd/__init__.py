"""AdvancedMD."""
