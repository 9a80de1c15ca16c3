"""Sieve (RFC 5228): filters for mail, from their text to what they want done. Pure."""
