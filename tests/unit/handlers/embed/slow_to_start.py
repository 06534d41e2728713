"""A module that takes long to import, as one on a busy disk."""

import time

time.sleep(600)
