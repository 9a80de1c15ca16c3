"""Counters, gauges and histograms, by family."""

from prometheus_client import disable_created_metrics

# A `_created` beside each counter and histogram says when the process first counted: a third of
# all series, for what `process_start_time_seconds` tells.
disable_created_metrics()
