"""Docks and layer actions of the napari plugin."""
