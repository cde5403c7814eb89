"""The real service, as `newsflash serve` starts it, driven by Chromium."""
