"""An error tracker in one process: a report carries its own notification config."""

__version__ = "0.1.0"
