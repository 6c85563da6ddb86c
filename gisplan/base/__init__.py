"""What every other room stands on: errors, units, words, issues, fields, files."""
