"""Changes told to others: topics, signed webhooks, retries."""
