-- Lists are read in pages: an index for each order in which one is, so that none is read as a whole.

DROP INDEX trades_by_week;
DROP INDEX trades_by_status;
CREATE INDEX trades_by_week ON trades (week_id, account_id, trade_id);
CREATE INDEX trades_by_status ON trades (status, week_id, account_id, trade_id);
CREATE INDEX trades_by_account ON trades (account_id, week_id, trade_id);
CREATE INDEX orders_by_week ON orders (week_id);
CREATE INDEX events_by_week ON events (week_id, position);
