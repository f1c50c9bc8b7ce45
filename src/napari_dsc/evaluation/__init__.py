"""Scores of segmentations against people's annotations, as the Berkeley benchmark counts."""
