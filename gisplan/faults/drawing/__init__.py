"""Drawing: what is wrong with lines and points as they are drawn."""
