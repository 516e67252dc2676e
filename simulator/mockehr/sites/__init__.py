"""What a world is made of."""
