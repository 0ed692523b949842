"""How fast a million booked calls are re-rated while new ones are booked, on a throw-away Postgres with fsync."""
