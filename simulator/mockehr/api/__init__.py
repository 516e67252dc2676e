"""The control operations over HTTP."""
