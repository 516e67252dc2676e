"""The control operations on the command line."""
