"""Safety: what is left when a main or a source fails: second ways, hydrants, both legs, spare holes."""
