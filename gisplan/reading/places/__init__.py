"""Places: coordinate systems, the ways between them, and whether a layer lies where the zone lies."""
