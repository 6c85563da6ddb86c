"""Judging: candidates and reach become cells, cells become findings, findings become readiness."""
