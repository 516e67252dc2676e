"""The ways to write Subscriptions: one file for each, found by scanning (`mockehr.events.style.styles`)."""
