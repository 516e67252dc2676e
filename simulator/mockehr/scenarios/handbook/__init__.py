"""Quirks explained: what each shows, where it was seen, how to arm it and how to cope; and what serves the ledger."""
