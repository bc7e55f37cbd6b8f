"""What is searched for: the texts of a report, how they are indexed, the language of queries."""
