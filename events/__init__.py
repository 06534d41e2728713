"""What is said: the envelope, the data models, the topics table and the failure kinds."""
