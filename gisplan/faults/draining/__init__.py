"""Draining: what is wrong with services whose water runs downhill."""
