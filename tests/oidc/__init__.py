"""Signing in by way of an identity provider."""
