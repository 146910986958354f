"""The acceptance tests of sharing, each under its number."""
