"""ManageSieve (RFC 5804): how users manage their Sieve scripts."""
