"""The personality of Health Gorilla."""
