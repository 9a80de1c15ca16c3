"""Tests of sora.relay."""
