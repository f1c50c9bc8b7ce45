"""Training templates: where they come from, and what the weights do with them."""
