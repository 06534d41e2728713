"""Documents: a file's bytes become text, page by page, and the text chunks."""
