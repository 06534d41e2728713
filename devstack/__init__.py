"""Real local servers without Docker: PostgreSQL 18 with pgvector, Redis and Apache Kafka, for development and tests."""
