"""The composition root: configuration, resources, service tree."""
