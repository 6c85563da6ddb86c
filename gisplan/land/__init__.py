"""Land: whether a parcel's own papers, its place and its standards let it be offered, and how far it has come."""
