"""What hides the secrets of a report: keys that name one, and texts that look like one."""
