-- Write an alert once per threshold, period and scope, as long as it is not withdrawn. Safe to repeat.
INSERT INTO alert (
    project_id, alert_id, budget_id, budget_name, kind, scope, threshold, period_start, period_end,
    spent_usd, amount_usd, state, reason, rerate_id, created_at
)
VALUES (
    %(project_id)s, %(alert_id)s, %(budget_id)s, %(budget_name)s, 'spend', %(scope)s, %(threshold)s, %(period_start)s,
    %(period_end)s, %(spent_usd)s, %(amount_usd)s, %(state)s, %(reason)s, %(rerate_id)s, %(created_at)s
)
ON CONFLICT (project_id, budget_id, scope, period_start, threshold) WHERE withdrawn_by IS NULL AND state <> 'recovered'
DO NOTHING
