"""Metadata and search in PostgreSQL, through txpostgres."""
