"""The self-check: one command that measures how far a "ready" can be trusted (``python -m gisplan.selfcheck``)."""
