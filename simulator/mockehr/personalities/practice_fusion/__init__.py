"""Practice Fusion."""
