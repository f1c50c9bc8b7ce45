"""Label images: regions of pixels, and their measurements."""
