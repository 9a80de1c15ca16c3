"""The LMTP grammar. Pure."""
