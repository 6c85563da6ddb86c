"""Drafting: what a folder of unknown files seems to be, written down as a zone.toml to be checked by a person."""
