"""Use cases for running the service: health, metrics, statistics, backup."""
