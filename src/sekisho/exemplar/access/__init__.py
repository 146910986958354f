"""Who may change the settings: codes, sessions, the brake on guessing, and passkeys."""
