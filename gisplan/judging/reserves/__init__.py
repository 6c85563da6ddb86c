"""Reserves: what parcels need, what mains and sources can carry, and who takes what of it in which order."""
