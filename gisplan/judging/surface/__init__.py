"""Surface: the ground of a parcel: its slope, what must be cut and filled, what still stands on it."""
