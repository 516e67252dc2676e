"""The personality of Azure."""
