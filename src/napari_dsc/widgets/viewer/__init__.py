"""Reading and writing layers of a viewer."""
