-- Raw answers of models, apart from the log for whom the policy of risk.yaml keeps them for a time
-- only: the event has the sha-256, the text can go. They are no read table: nothing else has them.

CREATE TABLE raw_answers (
    sha256  text        PRIMARY KEY CHECK (length(sha256) = 64),
    answer  text        NOT NULL,
    kept_at timestamptz NOT NULL
);
CREATE INDEX raw_answers_by_age ON raw_answers (kept_at);
