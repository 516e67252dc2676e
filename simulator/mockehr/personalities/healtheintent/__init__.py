"""Oracle HealtheIntent."""
