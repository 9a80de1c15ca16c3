"""Counters, gauges and histograms, by family."""
