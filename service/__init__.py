"""Newsflash: newsletter subscriptions with double opt-in, mailed through an external mail API."""
