"""Reading: files or frames in; clean tables in the zone's coordinates and a list of every flaw out."""
