"""What the docks compute off the GUI thread; nothing here imports napari or Qt."""
