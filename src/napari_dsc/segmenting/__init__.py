"""The engine: what is segmented, and how."""
