"""What a reader sees in a real browser: ``make browser-test``."""
