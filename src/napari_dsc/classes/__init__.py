"""Class trees: the nodes of an image grouped into any number of classes."""
