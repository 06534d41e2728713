"""Risk of whole books, from their values under many scenarios or in two markets."""
