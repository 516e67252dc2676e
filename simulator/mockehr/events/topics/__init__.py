"""The topics: one file for each, found by scanning (`mockehr.events.topic.topics`)."""
