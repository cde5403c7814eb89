"""The `newsflash` command."""
