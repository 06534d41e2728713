"""What is done: one folder for each kind of work, each with its flow."""
