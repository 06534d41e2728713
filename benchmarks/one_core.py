"""Imported before NumPy: what is measured is one core, as in a worker, so products of matrices take no more."""

from __future__ import annotations

import os

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
