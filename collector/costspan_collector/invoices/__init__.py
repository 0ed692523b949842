"""What providers billed, beside what was booked."""
