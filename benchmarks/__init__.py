"""Recipes, the plan, the runner and the store."""
