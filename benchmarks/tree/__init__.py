"""The merge tree: how it scales, stacks, and together with the cut."""
