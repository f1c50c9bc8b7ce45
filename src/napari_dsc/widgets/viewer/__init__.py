"""What reads and changes the layers of a viewer."""
