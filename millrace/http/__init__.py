"""What a worker says of itself over HTTP."""
