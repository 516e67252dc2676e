"""Every operation, by what it is about. A new file here is found by the façade."""
