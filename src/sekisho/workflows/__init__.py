"""One file per verb; reads like prose."""
