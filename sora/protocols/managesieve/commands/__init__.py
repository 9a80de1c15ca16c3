"""The commands of ManageSieve, by families."""
