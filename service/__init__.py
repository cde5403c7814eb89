"""Newsflash: double-opt-in newsletter subscriptions that hand their mail to an external mail API."""
