"""The plugin inside napari: docks and layer actions."""
