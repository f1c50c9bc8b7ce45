"""Stage two of the paper: superpixels to segments."""
