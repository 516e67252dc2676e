"""athenahealth's proprietary API."""
