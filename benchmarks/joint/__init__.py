"""Classes that several images share: folders, films and stacks."""
