"""Stacks of planes: whole, plane by plane, and by a network of three dimensions."""
