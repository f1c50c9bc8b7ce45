"""Images larger than memory: one network, labels tile by tile, without seams."""
