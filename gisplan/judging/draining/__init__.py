"""Draining: whether a parcel drains by its own fall, and downhill all the way."""
