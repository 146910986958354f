"""The law, as data: one TOML file per standard and edition."""
