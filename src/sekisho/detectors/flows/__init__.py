"""Methods that look at flow records of the watched lines."""
