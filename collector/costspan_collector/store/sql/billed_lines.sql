-- What was billed by day, SKU and category: of each day of an account with a provider the newest import that covers it. Reads only.
-- A charge with a time of its own falls on its day in the time zone asked for; whole days are the export's own.
WITH newest AS (
    SELECT DISTINCT ON (c.provider, c.account, d.day) c.provider, c.account, d.day::date AS day, c.import_id
    FROM invoice_coverage c
    JOIN invoice_import i ON i.project_id = c.project_id AND i.import_id = c.import_id
    CROSS JOIN LATERAL generate_series(
        greatest(c.first_day, %(first)s::date - 1)::timestamp, least(c.last_day, %(last)s::date + 1)::timestamp, interval '1 day'
    ) AS d (day)
    WHERE c.project_id = %(project_id)s AND c.first_day <= %(last)s::date + 1 AND c.last_day >= %(first)s::date - 1
        AND (%(provider)s::text IS NULL OR c.provider = %(provider)s)
    ORDER BY c.provider, c.account, d.day, i.imported_at DESC, i.import_id
),
line AS (
    SELECT l.*, coalesce((l.starts_at AT TIME ZONE %(timezone)s)::date, l.day) AS asked_day
    FROM newest n
    JOIN invoice_line l ON l.project_id = %(project_id)s AND l.day = n.day AND l.import_id = n.import_id
        AND l.provider = n.provider AND l.account = n.account
)
SELECT asked_day AS day, provider, sku, model, category,
    sum(billed_usd) AS billed_usd,
    count(*)::bigint AS lines,
    CASE WHEN count(tokens) = count(*) THEN sum(tokens) END AS tokens,
    CASE WHEN count(list_usd) = count(*) THEN sum(list_usd) END AS list_usd,
    max(scale(trim_scale(billed_usd))) AS decimals,
    max(days) AS days
FROM line
WHERE asked_day BETWEEN %(first)s AND %(last)s
GROUP BY 1, 2, 3, 4, 5
ORDER BY 1, 2, 3, 4, 5
