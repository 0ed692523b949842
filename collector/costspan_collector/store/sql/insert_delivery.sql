-- Put an alert into the outbox for one channel.
INSERT INTO delivery (project_id, delivery_id, alert_id, channel, state, next_attempt_at)
VALUES (%s, %s, %s, %s, 'pending', %s)
