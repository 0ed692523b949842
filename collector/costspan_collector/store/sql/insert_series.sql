-- Add a series to the dictionary. Safe to repeat.
INSERT INTO series (project_id, series_id, environment, service, feature, customer, provider, model, operation, tags)
VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
ON CONFLICT DO NOTHING
