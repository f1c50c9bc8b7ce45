"""The cut on many images and on tiles, by one network that learns from parts of them."""
