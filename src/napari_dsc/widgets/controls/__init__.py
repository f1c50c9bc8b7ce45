"""Controls that docks share."""
