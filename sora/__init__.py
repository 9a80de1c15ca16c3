"""Sora, a cloud-native mail store."""
