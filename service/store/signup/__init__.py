"""Tables and queries for signing up, and what keeps bots out."""
