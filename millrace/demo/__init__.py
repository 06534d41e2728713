"""The demonstration: the examples sent through real servers, and what came out compared with what was expected."""
