"""What happened: every exchange, every decision taken on it, and how to ask about it."""
