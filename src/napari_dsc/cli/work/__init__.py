"""The work behind the commands, which loads torch."""
