"""Computations of the docks off the GUI thread; nothing here imports napari or Qt."""
