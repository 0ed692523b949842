-- Add to what a run looked at and touched, by month and series. Belongs into the transaction that touched it.
INSERT INTO rerate_group (project_id, rerate_id, month, series_id, calls, touched, before_usd, after_usd)
SELECT %(project_id)s, %(rerate_id)s, part.*
FROM unnest(
    %(month)s::date[], %(series_id)s::bigint[], %(calls)s::bigint[], %(touched)s::bigint[], %(before_usd)s::numeric[],
    %(after_usd)s::numeric[]
) AS part
ON CONFLICT (project_id, rerate_id, month, series_id) DO UPDATE
SET calls = rerate_group.calls + EXCLUDED.calls, touched = rerate_group.touched + EXCLUDED.touched,
    before_usd = rerate_group.before_usd + EXCLUDED.before_usd, after_usd = rerate_group.after_usd + EXCLUDED.after_usd
