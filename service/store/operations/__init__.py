"""Tables and queries for running the service: health, metrics, statistics, backup."""
