"""Events from mail APIs afterwards: one module a provider, which authenticates and reads."""
