"""A model of mailboxes and of what each client may believe of them, played against the server."""
