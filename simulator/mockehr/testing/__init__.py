"""The control operations in pytest, and what tests need besides."""
