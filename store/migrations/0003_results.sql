-- What came of the weeks: what accounts were worth at set times, and the postmortems.

CREATE TABLE equity_marks (
    account_id     text NOT NULL,
    session_on     date NOT NULL,
    slot           text NOT NULL,
    week_id        text NOT NULL,
    venue          text NOT NULL,
    account_number text NOT NULL,
    equity_usd     numeric NOT NULL,
    cash_usd       numeric NOT NULL,
    positions      jsonb NOT NULL,
    dividends_usd  numeric NOT NULL,
    borrow_usd     numeric NOT NULL,
    marked_at      timestamptz NOT NULL,
    PRIMARY KEY (account_id, session_on, slot)
);
CREATE INDEX equity_marks_by_week ON equity_marks (week_id);

CREATE TABLE weekly_postmortems (
    week_id    text PRIMARY KEY,
    account_id text NOT NULL,
    model      text NOT NULL,
    abstention text,
    numbers    jsonb NOT NULL,
    content    jsonb,
    written_at timestamptz NOT NULL
);
