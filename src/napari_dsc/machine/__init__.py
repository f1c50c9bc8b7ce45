"""The machine that a run computes on: devices, processes, memory."""
