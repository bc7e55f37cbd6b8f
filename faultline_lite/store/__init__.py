"""Every query of the program: one named function each, a module for each entity.

The functions take a connection and run on the database's threads. They know nothing of HTTP.
"""
