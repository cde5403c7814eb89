"""Tools that run as somebody's service."""
