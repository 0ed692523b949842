-- Claim due deliveries: the claim is the next attempt's time moved ahead, so a worker that dies leaves them to others.
UPDATE delivery
SET attempts = attempts + 1, next_attempt_at = now() + %(for_s)s
WHERE project_id = %(project_id)s AND delivery_id IN (
    SELECT delivery_id FROM delivery
    WHERE project_id = %(project_id)s AND state = 'pending' AND next_attempt_at <= now()
    ORDER BY next_attempt_at
    LIMIT %(most)s
    FOR UPDATE SKIP LOCKED
)
RETURNING delivery_id, alert_id, channel, attempts
