"""NexHealth."""
