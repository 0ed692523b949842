-- Put an attempt on record. Safe to repeat.
INSERT INTO delivery_attempt (project_id, delivery_id, attempt, attempted_at, outcome)
VALUES (%s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
