"""The segmenter of classes: of one image, and of several together."""
