"""From a report's notification configs to messages sent: decide, keep, batch, send."""
