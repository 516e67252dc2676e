"""The control operations in a browser."""
