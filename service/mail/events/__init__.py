"""What mail APIs report afterwards: one module a provider, which authenticates and reads."""
