"""Reports: read the store and nothing else."""
