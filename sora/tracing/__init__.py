"""Why one command or one message took long: traces, for a collector of OpenTelemetry."""
