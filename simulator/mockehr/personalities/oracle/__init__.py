"""Oracle Health (Cerner Millennium)."""
