"""Metrics: settled definitions, each with a signature."""
