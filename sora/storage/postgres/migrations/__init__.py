"""Numbered SQL, applied in order by sora.storage.postgres.migrate."""
