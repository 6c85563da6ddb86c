"""What every other room stands on: errors, units, words, issues, fields, files."""

VERSION = "0.1.0"
