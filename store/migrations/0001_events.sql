-- The log itself: append-only, in one global order, each event chained to the one before it by a hash.

CREATE TABLE events (
    position        bigint      PRIMARY KEY CHECK (position > 0),
    stream          text        NOT NULL CHECK (stream <> ''),
    version         bigint      NOT NULL CHECK (version > 0),
    event_id        uuid        NOT NULL CONSTRAINT events_event_id_key UNIQUE,
    event_type      text        NOT NULL CHECK (event_type <> ''),
    week_id         text,
    account_id      text,
    correlation_id  text,
    parent_event_id uuid,
    "timestamp"     timestamptz NOT NULL,
    payload         jsonb       NOT NULL CHECK (jsonb_typeof(payload) = 'object'),
    previous_hash   bytea       NOT NULL CHECK (length(previous_hash) = 32),
    hash            bytea       NOT NULL CHECK (length(hash) = 32),
    CONSTRAINT events_stream_version_key UNIQUE (stream, version)
);
CREATE INDEX events_by_type ON events (event_type, position);

-- The one definition of the hash: it covers every column but itself. The previous hash always has 32
-- bytes and a JSON array quotes its strings, so no two events can frame to the same bytes;
-- microseconds since 1970 do not depend on the session's time zone (as text, for even an instant that
-- was forged to infinity must hash), and jsonb writes its text in one normal form.
CREATE FUNCTION event_hash(previous_hash bytea, event events) RETURNS bytea
LANGUAGE sql STABLE
SET search_path = pg_catalog, public, pg_temp
AS $$
    SELECT sha256(previous_hash || convert_to(jsonb_build_array(
        event.position, event.stream, event.version, event.event_id, event.event_type,
        event.week_id, event.account_id, event.correlation_id, event.parent_event_id,
        trunc(extract(epoch FROM event."timestamp") * 1000000)::text, event.payload
    )::text, 'UTF8'))
$$;

-- The append lock, on its own: a rebuild takes it too, so that nothing is written under its hands.
CREATE FUNCTION lock_appends() RETURNS void
LANGUAGE sql
AS $$ SELECT pg_advisory_xact_lock(7201, 1) $$;

-- Append `_events`, a JSON array of objects, to one stream. Positions are counted under the lock: they
-- have no gaps, their order is the order of commits, and a reader's cursor misses nothing.
-- Raises LC001 (the stream has moved on) and LC004 (the id belongs to another stream or kind).
CREATE FUNCTION append_events(_stream text, _expected_version bigint, _events jsonb)
RETURNS TABLE (stored events, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    _current bigint;
    _position bigint;
    _previous bytea;
    _event jsonb;
BEGIN
    PERFORM lock_appends();
    FOR _event IN SELECT element FROM jsonb_array_elements(_events) AS element LOOP
        SELECT * INTO stored FROM events WHERE event_id = (_event ->> 'event_id')::uuid;
        is_new := NOT FOUND;
        IF NOT is_new THEN
            IF stored.stream <> _stream OR stored.event_type <> _event ->> 'event_type' THEN
                RAISE EXCEPTION 'the id % already belongs to % in %',
                    stored.event_id, stored.event_type, stored.stream USING ERRCODE = 'LC004';
            END IF;
            RETURN NEXT;
            CONTINUE;
        END IF;
        IF _current IS NULL THEN
            SELECT coalesce(max(version), 0) INTO _current FROM events WHERE stream = _stream;
            IF _current <> _expected_version THEN
                RAISE EXCEPTION 'the stream % is at version %, not %',
                    _stream, _current, _expected_version USING ERRCODE = 'LC001';
            END IF;
            SELECT position, hash INTO _position, _previous FROM events ORDER BY position DESC LIMIT 1;
            _position := coalesce(_position, 0);
            _previous := coalesce(_previous, decode(repeat('00', 32), 'hex'));
        END IF;
        _current := _current + 1;
        _position := _position + 1;
        stored := jsonb_populate_record(NULL::events, _event);
        stored.position := _position;
        stored.stream := _stream;
        stored.version := _current;
        stored.previous_hash := _previous;
        stored.hash := event_hash(_previous, stored);
        INSERT INTO events VALUES (stored.*);
        _previous := stored.hash;
        PERFORM pg_notify('council_events', stored.position::text);
        RETURN NEXT;
    END LOOP;
END
$$;

-- Statement triggers refuse even a change that would touch no row; ALWAYS holds for the owner and under
-- session_replication_role = replica as well.
CREATE FUNCTION refuse_change_of_events() RETURNS trigger
LANGUAGE plpgsql
AS $$
BEGIN
    RAISE EXCEPTION 'events are append-only: % is refused', TG_OP
        USING ERRCODE = 'LC002', HINT = 'Append a new event that corrects the earlier one.';
END
$$;
CREATE TRIGGER events_are_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON events
    FOR EACH STATEMENT EXECUTE FUNCTION refuse_change_of_events();
ALTER TABLE events ENABLE ALWAYS TRIGGER events_are_append_only;
