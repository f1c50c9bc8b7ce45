"""Superpixels by several methods."""
