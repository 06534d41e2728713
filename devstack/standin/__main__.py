"""`python -m devstack.standin PORT`: the stand-in on that port of the loopback interface, until it is killed."""

import asyncio
import sys

from devstack.standin.api import StandIn
from devstack.standin.wire import serve

if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), StandIn().respond))
