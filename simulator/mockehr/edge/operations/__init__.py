"""Operations that need sockets. A new file here is found by the façade."""
