"""The tables of the paper, and what the paper leaves open."""
