"""One dock a module."""
