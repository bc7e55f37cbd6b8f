"""What clients send, each protocol in a module of its own; all end in the same Report."""
