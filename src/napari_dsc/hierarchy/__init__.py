"""Hierarchies of regions that need no training."""
