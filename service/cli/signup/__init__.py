"""Commands for signing up, and what keeps bots out."""
