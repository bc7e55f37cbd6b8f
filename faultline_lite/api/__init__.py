"""The HTTP API under /v0: keys, paths, JSON. It decides nothing about errors itself."""
