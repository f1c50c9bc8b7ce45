"""What damaged inputs and killed processes leave behind."""
