"""Benchmarks: the same workloads against Sora and, where it is installed, Dovecot."""
