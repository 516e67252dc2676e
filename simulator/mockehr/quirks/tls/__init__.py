"""Quirks of HTTPS: certificates and protocols that a client must not accept."""
