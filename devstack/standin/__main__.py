"""`python -m devstack.standin PORT [HOST]`: the stand-in on that port until it is killed.

It listens on the loopback interface unless another address is named, as within a container.
"""

import asyncio
import sys

from devstack.standin.api import StandIn
from devstack.standin.wire import serve

if __name__ == "__main__":
    port, *host = sys.argv[1:]
    asyncio.run(serve(int(port), StandIn().respond, *host))
