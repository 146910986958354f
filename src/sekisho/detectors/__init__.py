"""One file per method: tables in, detections out; pure, and each explains itself in a sentence."""
