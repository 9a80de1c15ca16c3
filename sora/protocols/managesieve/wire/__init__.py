"""Octets of ManageSieve, read and written. Pure."""
