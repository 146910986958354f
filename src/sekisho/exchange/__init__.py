"""What is exchanged with others: lists of indicators, STIX, MISP, TAXII; mappings without opinions."""
