"""The storage interfaces in dicts, held honest by the contract tests."""
