"""Many files: each one task, on this machine or on a cluster, resumed where it was stopped."""
