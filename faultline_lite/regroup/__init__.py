"""Group errors anew that are there already, after the rule by which they are grouped has changed.

``partition`` says which groups the occurrences of an error belong to now, ``planning`` what that
comes to, ``job`` carries it out or undoes it, in steps that are in the store.
"""
