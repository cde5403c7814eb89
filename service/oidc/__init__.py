"""OpenID Connect, as the party that relies on an identity provider (OpenID Connect Core 1.0)."""
