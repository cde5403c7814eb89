"""`python -m service` is the `newsflash` command."""

from service.cli import main

main()
