"""Control operations that need what scenarios know: probes and scorecards. The façade finds them here."""
