"""Controls that several docks share."""
