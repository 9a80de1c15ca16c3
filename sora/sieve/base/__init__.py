"""The words of RFC 5228 that need no `require`: one file each."""
