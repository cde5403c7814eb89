"""Admin pages for signing in and out."""
