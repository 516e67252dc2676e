"""A responder of a TEFCA-style network."""
