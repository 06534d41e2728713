"""`python -m millrace.http.probe`: exit code 0 while the worker in this container answers at /health, else 1.

For containers' health checks: it needs Python's own library only, and takes no proxy from the environment.
"""

from __future__ import annotations

import os
import sys
from http.client import HTTPConnection, HTTPException

SECONDS = 4.0


def is_alive(port: int) -> bool:
    """Whether a worker answers 200 at /health on that port of this machine."""
    connection = HTTPConnection("127.0.0.1", port, timeout=SECONDS)
    try:
        connection.request("GET", "/health")
        return connection.getresponse().status == 200
    except (OSError, HTTPException):
        return False
    finally:
        connection.close()


if __name__ == "__main__":
    sys.exit(not is_alive(int(os.environ.get("HTTP_PORT") or 8000)))
