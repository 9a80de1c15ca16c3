"""Tests of sora.relay.wire."""
