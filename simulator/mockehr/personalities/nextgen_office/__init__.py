"""NextGen Office (formerly MediTouch)."""
