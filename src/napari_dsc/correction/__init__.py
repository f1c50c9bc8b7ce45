"""Correcting a segmentation superpixel by superpixel."""
