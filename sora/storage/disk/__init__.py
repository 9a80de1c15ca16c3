"""The filesystem object store, and the cache of bodies."""
