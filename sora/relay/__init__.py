"""Mail that Sora sends: the queue on disk, SMTP and HTTP, and reports of what failed."""
