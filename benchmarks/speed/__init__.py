"""Seconds of the stages and of a step of the cut."""
