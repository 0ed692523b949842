-- Write a standing as counted from the rollups. Safe to repeat.
INSERT INTO budget_standing (project_id, budget_id, scope, period_start, period_end, spent_usd)
VALUES (%s, %s, %s, %s, %s, %s)
ON CONFLICT (project_id, budget_id, scope, period_start) DO UPDATE SET spent_usd = EXCLUDED.spent_usd
