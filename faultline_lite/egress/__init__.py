"""The only way out of the process: addresses are checked, and then connected to."""
