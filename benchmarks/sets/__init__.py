"""Image sets of microscopy and materials science."""
