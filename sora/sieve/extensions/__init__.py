"""What extensions add to the language: one file each, named after its `require` string."""
