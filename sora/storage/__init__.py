"""What the rest of Sora asks of storage, and the adapters that answer."""
