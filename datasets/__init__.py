"""Data sets: clips in a fixed order."""
