"""The engine: pieces, settings and segmenters."""
