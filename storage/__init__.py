"""What is kept: tables, queries, Redis keys and the object store."""
