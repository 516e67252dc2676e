"""Patient journeys as steps on the clock."""
