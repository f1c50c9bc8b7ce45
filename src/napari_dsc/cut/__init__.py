"""Stage two of the paper: a network that merges superpixels into classes."""
