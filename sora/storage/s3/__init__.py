"""The object store over the S3 API, through treq."""
