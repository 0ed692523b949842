-- Mark alerts as withdrawn by a re-rating. Safe to repeat.
UPDATE alert SET withdrawn_by = %(rerate_id)s
WHERE project_id = %(project_id)s AND budget_id = %(budget_id)s AND scope = %(scope)s AND period_start = %(period_start)s
    AND threshold = ANY(%(thresholds)s::numeric[]) AND withdrawn_by IS NULL AND state <> 'recovered'
