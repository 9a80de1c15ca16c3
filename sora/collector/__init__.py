"""The way of traces to a collector of OpenTelemetry."""
