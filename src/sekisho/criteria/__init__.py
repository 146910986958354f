"""One file per way of judging: observations and parameters to a finding."""
