"""What may be asked of a world: operations, declared once."""
