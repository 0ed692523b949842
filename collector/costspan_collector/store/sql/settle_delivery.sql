-- Set a delivery's state after an attempt. Safe to repeat.
UPDATE delivery
SET state = %(state)s, last_outcome = %(outcome)s, next_attempt_at = %(next_attempt_at)s, delivered_at = %(delivered_at)s
WHERE project_id = %(project_id)s AND delivery_id = %(delivery_id)s
