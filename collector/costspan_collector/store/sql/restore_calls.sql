-- Give the staged calls their old costs again and return how many those were: fewer than are staged if some hold other costs by
-- now. Not safe to repeat by itself.
WITH changed AS (
    {change}
)
SELECT count(*) FROM changed
