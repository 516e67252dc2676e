"""How a server behaves that follows the standards and nothing else."""
