-- The newest judgement of each call as correct or not, whoever made it.
SELECT DISTINCT ON (key) key, value
FROM label
WHERE project_id = %s AND key = ANY(%s) AND name = 'correct' AND value IS NOT NULL
ORDER BY key, observed_at DESC, judge
