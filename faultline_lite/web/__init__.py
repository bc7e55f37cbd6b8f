"""The pages: what people look at in a browser. Rendered here, in small steps improved there.

They read through the same queries as the API, and never through its handlers.
"""
