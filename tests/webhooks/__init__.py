"""Outgoing webhooks, told to real receivers."""
