"""Use cases for emails on their way to a provider, and what providers report."""
