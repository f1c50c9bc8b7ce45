"""Superpixels: how many come out, and how well they keep objects apart."""
