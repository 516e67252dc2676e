"""The personality of HealthLake."""
