-- The session's staging table for calls, emptied by each commit. Once per connection.
CREATE TEMPORARY TABLE call_stage (
    span_key uuid NOT NULL,
    response_key uuid,
    LIKE call INCLUDING DEFAULTS
) ON COMMIT DELETE ROWS;
ALTER TABLE call_stage DROP COLUMN project_id;
