"""Correction of a segmentation, superpixel by superpixel."""
