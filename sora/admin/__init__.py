"""The sora-admin command line."""
