"""Trying a quirk: one small story at two equal sites, without it and with it, and what differs."""
