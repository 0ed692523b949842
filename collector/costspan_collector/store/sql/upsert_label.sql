-- Write a label unless a newer one of the same call, name and judge stands. Safe to repeat.
INSERT INTO label (project_id, key, name, judge, observed_at, value, category)
VALUES (%s, %s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, key, name, judge) DO UPDATE
SET observed_at = EXCLUDED.observed_at, value = EXCLUDED.value, category = EXCLUDED.category
WHERE label.observed_at <= EXCLUDED.observed_at
