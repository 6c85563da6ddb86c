"""Faults: what is wrong with a survey beyond single rows, found on the map, and the land that hangs on it."""
