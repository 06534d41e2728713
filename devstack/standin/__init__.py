"""A stand-in for OpenAI: embeddings and structured answers by plain rules, over HTTP, and faults that a test can ask for.

It needs nothing but Python's own library, so that it starts at once in a process of its own. Its texts, vectors and token
counts are functions of the request alone. What it says about itself: every answer has the header `x-openai-stand-in`, and
the model it names ends in `-stand-in`.
"""
