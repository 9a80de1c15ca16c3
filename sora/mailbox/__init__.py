"""The meaning of mail: accounts, open mailboxes, views, bodies, delivery."""
