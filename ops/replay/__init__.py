"""Replays: a selection of a topic's records is planned, then published once more, under control."""
