"""Breaking: what cuts land off from its source, and how it could be mended."""
