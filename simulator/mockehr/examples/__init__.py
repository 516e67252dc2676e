"""Two small sync clients: a careless one and a careful one."""
