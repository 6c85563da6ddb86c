"""The networks: what a feature is worth today, where features join, what reaches a source, what is near a parcel."""
