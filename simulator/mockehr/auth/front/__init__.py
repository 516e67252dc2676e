"""The front channel: what a user's browser sees of an authorization server."""
