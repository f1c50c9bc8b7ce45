"""Methods over sets of images with annotations: what to score, and what came out."""
