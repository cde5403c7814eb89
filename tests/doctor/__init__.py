"""What `newsflash doctor` looks at."""
