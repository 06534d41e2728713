"""How it moves: from Kafka through the lane into Postgres, and out through the relay."""
