-- What can be queried. Every row is folded from events and can be rebuilt from them at any time.

CREATE TABLE week_metadata (
    week_id       text PRIMARY KEY,
    config_hash   text,
    mode          text,
    query         text,
    models        jsonb,
    degraded      jsonb,
    snapshot      jsonb,
    started_at    timestamptz,
    last_stage    text,
    last_stage_at timestamptz
);

CREATE TABLE research_packs (
    week_id         text NOT NULL,
    pack            text NOT NULL,
    research_source text,
    model           text,
    failure         text,
    content         jsonb,
    received_at     timestamptz,
    PRIMARY KEY (week_id, pack)
);

CREATE TABLE pm_pitches (
    week_id    text NOT NULL,
    account_id text NOT NULL,
    idea_id    uuid,
    model      text,
    status     text NOT NULL,
    instrument text,
    direction  text,
    conviction numeric,
    abstention text,
    content    jsonb,
    made_at    timestamptz,
    PRIMARY KEY (week_id, account_id)
);

CREATE TABLE peer_reviews (
    review_id           uuid PRIMARY KEY,
    week_id             text NOT NULL,
    pitch_id            uuid NOT NULL,
    reviewer            text NOT NULL,
    reviewer_model      text NOT NULL,
    anonymized_pitch_id text NOT NULL,
    display_index       int NOT NULL,
    mean_score          double precision NOT NULL,
    content             jsonb NOT NULL,
    made_at             timestamptz NOT NULL
);
CREATE INDEX peer_reviews_by_week ON peer_reviews (week_id);

CREATE TABLE chairman_decisions (
    week_id    text PRIMARY KEY,
    account_id text NOT NULL,
    model      text,
    instrument text,
    direction  text,
    conviction numeric,
    refusal    text,
    content    jsonb,
    reached_at timestamptz
);

CREATE TABLE checkpoint_updates (
    checkpoint_id     uuid PRIMARY KEY,
    week_id           text NOT NULL,
    slot              text NOT NULL,
    account_id        text NOT NULL,
    trade_id          uuid NOT NULL,
    action            text NOT NULL,
    conviction_before numeric NOT NULL,
    conviction_after  numeric NOT NULL,
    reason_delta      text NOT NULL,
    content           jsonb NOT NULL,
    taken_at          timestamptz NOT NULL
);
CREATE INDEX checkpoint_updates_by_week ON checkpoint_updates (week_id);

CREATE TABLE trades (
    trade_id            uuid PRIMARY KEY,
    week_id             text NOT NULL,
    account_id          text NOT NULL,
    model               text NOT NULL,
    venue               text NOT NULL,
    instrument          text NOT NULL,
    direction           text NOT NULL,
    conviction          numeric NOT NULL,
    status              text NOT NULL,
    ticket              jsonb NOT NULL,
    proposed_at         timestamptz NOT NULL,
    expires_at          timestamptz NOT NULL,
    approval_timestamp  timestamptz,
    execution_timestamp timestamptz,
    approver            text,
    approval_channel    text,
    approval_trust      text,
    rejection_reason    text
);
CREATE INDEX trades_by_week ON trades (week_id, account_id);
CREATE INDEX trades_by_status ON trades (status);

CREATE TABLE orders (
    client_order_id text PRIMARY KEY,
    trade_id        uuid NOT NULL,
    week_id         text NOT NULL,
    account_id      text NOT NULL,
    leg             text NOT NULL,
    attempt         int NOT NULL,
    venue           text NOT NULL,
    symbol          text NOT NULL,
    side            text NOT NULL,
    quantity        numeric NOT NULL,
    status          text NOT NULL,
    order_id        text,
    filled_quantity numeric NOT NULL,
    average_price   numeric,
    refusal         text,
    intended_at     timestamptz NOT NULL,
    closed_at       timestamptz
);
CREATE INDEX orders_by_trade ON orders (trade_id);

CREATE TABLE positions (
    account_id text NOT NULL,
    symbol     text NOT NULL,
    quantity   numeric NOT NULL,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (account_id, symbol)
);
