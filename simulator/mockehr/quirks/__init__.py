"""Named ways to misbehave, and the rules that arm them."""
