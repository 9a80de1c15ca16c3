"""Formats of mail on disks, and what Dovecot keeps beside it. Pure."""
