-- The standings of a budget in periods that overlap a range, with the thresholds that stand alerted.
SELECT standing.scope, standing.period_start, standing.period_end, standing.spent_usd, array_agg(alert.threshold)
FROM budget_standing AS standing
JOIN alert ON alert.project_id = standing.project_id AND alert.budget_id = standing.budget_id
    AND alert.scope = standing.scope AND alert.period_start = standing.period_start
    AND alert.withdrawn_by IS NULL AND alert.state <> 'recovered'
WHERE standing.project_id = %(project_id)s AND standing.budget_id = %(budget_id)s
    AND standing.period_start < %(end)s AND standing.period_end > %(start)s
GROUP BY standing.scope, standing.period_start, standing.period_end, standing.spent_usd
ORDER BY standing.period_start, standing.scope
