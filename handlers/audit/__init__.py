"""Audits: evidence, a model that is asked about it, and findings whose quotes hold."""
