"""Where things are put together: settings, logging, telemetry, the worker, the command line and HTTP."""
