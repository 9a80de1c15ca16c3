"""One attrs class per TOML table; the fields are the documentation."""
