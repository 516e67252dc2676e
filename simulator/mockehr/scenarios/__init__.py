"""Stories with phases, probes and a verdict."""
