"""Toy zones: small invented zones with what goes wrong in a survey, drawn by chance from a seed."""
