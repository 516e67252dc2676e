"""The steps: one file for each kind, found by scanning (`mockehr.pathways.step.steps`)."""
