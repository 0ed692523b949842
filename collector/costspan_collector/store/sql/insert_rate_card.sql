-- Keep a rate card that priced a call. Safe to repeat.
INSERT INTO rate_card (project_id, rate_card_id, provider, model, rule, source, valid_from, conditions, rates, assumed)
VALUES (
    %(project_id)s, %(rate_card_id)s, %(provider)s, %(model)s, %(rule)s, %(source)s, %(valid_from)s,
    %(conditions)s, %(rates)s, %(assumed)s
)
ON CONFLICT DO NOTHING
