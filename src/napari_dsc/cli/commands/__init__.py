"""The commands of ``napari-dsc``, which load nothing heavy."""
