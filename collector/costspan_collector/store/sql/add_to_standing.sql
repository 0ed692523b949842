-- Add to a standing and return what is spent. Not safe to repeat: belongs into the transaction that booked the spend.
UPDATE budget_standing SET spent_usd = spent_usd + %s
WHERE project_id = %s AND budget_id = %s AND scope = %s AND period_start = %s
RETURNING spent_usd
