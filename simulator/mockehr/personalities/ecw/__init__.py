"""eClinicalWorks and healow."""
