"""Stage one of the paper: the smoothed image."""
