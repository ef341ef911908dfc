-- Appending with fewer statements: the order, the bytes that are hashed and what is refused stay.

-- An INSERT reads each constraint anew, which took an eighth of an append. What append_events
-- makes itself needs no check, and what it is given is checked by it. Positions keep theirs: the
-- chain is followed from position 1.
ALTER TABLE events
    DROP CONSTRAINT events_stream_check,
    DROP CONSTRAINT events_version_check,
    DROP CONSTRAINT events_event_type_check,
    DROP CONSTRAINT events_payload_check,
    DROP CONSTRAINT events_previous_hash_check,
    DROP CONSTRAINT events_hash_check;

-- The text of 0001's array, put together without making the payload anew: it is most of an event, and
-- whoever has its text already gives that. A query takes the function's body in place of its call.
CREATE FUNCTION event_text(
    _position bigint, _stream text, _version bigint, _event_id uuid, _event_type text, _week_id text,
    _account_id text, _correlation_id text, _parent_event_id uuid, _timestamp timestamptz,
    _payload text
) RETURNS text
LANGUAGE sql STABLE
RETURN concat(
    '[', _position, ', ', to_json(_stream), ', ', _version, ', "', _event_id,
    '", ', to_json(_event_type), ', ', coalesce(to_json(_week_id)::text, 'null'),
    ', ', coalesce(to_json(_account_id)::text, 'null'),
    ', ', coalesce(to_json(_correlation_id)::text, 'null'),
    ', ', coalesce('"' || _parent_event_id || '"', 'null'),
    ', "', trunc(extract(epoch FROM _timestamp) * 1000000), '", ', _payload, ']');

-- The bytes of 0001.
CREATE OR REPLACE FUNCTION event_hash(previous_hash bytea, event events) RETURNS bytea
LANGUAGE sql STABLE
RETURN sha256(previous_hash || convert_to(event_text(
    event.position, event.stream, event.version, event.event_id, event.event_type,
    event.week_id, event.account_id, event.correlation_id, event.parent_event_id,
    event."timestamp", event.payload::text), 'UTF8'));

-- Append one event that is new, wanted and allowed, as most are, where nothing else belongs into its
-- transaction. It answers with the position, the version and the payload as it is stored, in one text
-- with blanks between them: a row takes a seventh more. Whatever it does not find as it should be, it
-- answers with NULL, and append_events knows why. Events of a stream come in runs, so that the
-- newest event mostly knows the stream's version; and whom check_grant asks nothing, nobody asks.
-- An assignment that could have been PERFORM is an expression, which takes no executor.
CREATE FUNCTION append_event(
    _stream text, _expected_version bigint, _event_id uuid, _event_type text, _week_id text,
    _account_id text, _correlation_id text, _parent_event_id uuid, _timestamp timestamptz,
    _payload jsonb
) RETURNS text
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    _is_done boolean := lock_appends() IS NOT NULL;
    _position bigint;
    _version bigint;
    _previous bytea;
    _is_known boolean;
    _text text := _payload::text;
BEGIN
    SELECT last.position + 1, last.hash,
        1 + CASE WHEN last.stream = _stream THEN last.version ELSE coalesce((
            SELECT version FROM events WHERE stream = _stream ORDER BY version DESC LIMIT 1), 0) END,
        EXISTS (SELECT FROM events WHERE event_id = _event_id)
    INTO _position, _previous, _version, _is_known
    FROM events AS last ORDER BY last.position DESC LIMIT 1;
    IF NOT FOUND THEN
        _position := 1;
        _version := 1;
        _previous := decode(repeat('00', 32), 'hex');
    END IF;
    IF _is_known OR _version - 1 <> _expected_version
        OR _stream = '' OR _event_type = '' OR jsonb_typeof(_payload) <> 'object'
        OR NOT (session_user = current_user OR check_grant(_event_type, _payload))
    THEN
        RETURN NULL;
    END IF;
    INSERT INTO events VALUES (
        _position, _stream, _version, _event_id, _event_type, _week_id, _account_id,
        _correlation_id, _parent_event_id, _timestamp, _payload, _previous,
        sha256(_previous || convert_to(event_text(
            _position, _stream, _version, _event_id, _event_type, _week_id, _account_id,
            _correlation_id, _parent_event_id, _timestamp, _text), 'UTF8')));
    _is_done := pg_notify('council_events', _position::text) IS NOT NULL;
    RETURN concat(_position, ' ', _version, ' ', _text);
END
$$;

-- It is for those who may call append_events.
REVOKE EXECUTE ON FUNCTION append_event FROM PUBLIC;
DO $$
DECLARE
    _role regrole;
BEGIN
    FOR _role IN SELECT grantee FROM pg_proc, aclexplode(proacl)
        WHERE pg_proc.oid = 'append_events'::regproc AND grantee NOT IN (0, proowner)
    LOOP
        EXECUTE format('GRANT EXECUTE ON FUNCTION append_event TO %s', _role);
    END LOOP;
END
$$;

-- As in 0005, with the same answers. A single event is mostly new, wanted and allowed: one INSERT
-- then looks up what it needs, hashes, writes and tells. Whatever it does not find as it should be,
-- it leaves to the long way, which knows why. There, what is new is written by one INSERT at the
-- end; only where an id is known, or comes twice, each event is looked up and written by itself.
-- An assignment that could have been PERFORM is an expression, which takes no executor.
CREATE OR REPLACE FUNCTION append_events(_stream text, _expected_version bigint, _events jsonb)
RETURNS TABLE (stored events, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    _count int := jsonb_array_length(_events);
    _current bigint;
    _position bigint;
    _previous bytea;
    _ids uuid[];
    _may_be_known boolean;
    _event jsonb := _events -> 0;
    _new events[];
    _is_done boolean;
BEGIN
    _is_done := lock_appends() IS NOT NULL;
    IF _count = 1 THEN
        RETURN QUERY INSERT INTO events AS made
        SELECT new.position, new.stream, new.version, new.event_id, new.event_type, new.week_id,
            new.account_id, new.correlation_id, new.parent_event_id, new.at, new.payload,
            new.previous_hash, event_hash(new.previous_hash, ROW(
                new.position, new.stream, new.version, new.event_id, new.event_type, new.week_id,
                new.account_id, new.correlation_id, new.parent_event_id, new.at, new.payload,
                NULL, NULL)::events)
        FROM (
            SELECT last.position + 1 AS position, _stream AS stream,
                1 + coalesce((SELECT version FROM events WHERE events.stream = _stream
                    ORDER BY version DESC LIMIT 1), 0) AS version,
                (_event ->> 'event_id')::uuid AS event_id, _event ->> 'event_type' AS event_type,
                _event ->> 'week_id' AS week_id, _event ->> 'account_id' AS account_id,
                _event ->> 'correlation_id' AS correlation_id,
                (_event ->> 'parent_event_id')::uuid AS parent_event_id,
                (_event ->> 'timestamp')::timestamptz AS at, _event -> 'payload' AS payload,
                last.hash AS previous_hash, EXISTS (
                    SELECT FROM events WHERE event_id = (_event ->> 'event_id')::uuid) AS is_known
            FROM events AS last ORDER BY last.position DESC LIMIT 1
        ) AS new
        WHERE NOT new.is_known AND (new.version - 1 = _expected_version) IS NOT FALSE
            AND new.stream <> '' AND new.event_type <> '' AND jsonb_typeof(new.payload) = 'object'
            AND check_grant(new.event_type, new.payload)
        RETURNING made, pg_notify('council_events', made.position::text) IS NOT NULL;
        IF FOUND THEN
            RETURN;
        END IF;
    END IF;
    SELECT position, hash,
        (SELECT version FROM events WHERE stream = _stream ORDER BY version DESC LIMIT 1),
        EXISTS (SELECT FROM events WHERE event_id = (_events #>> '{0,event_id}')::uuid)
    INTO _position, _previous, _current, _may_be_known
    FROM events ORDER BY position DESC LIMIT 1;
    _position := coalesce(_position, 0);
    _previous := coalesce(_previous, decode(repeat('00', 32), 'hex'));
    _current := coalesce(_current, 0);
    IF _count > 1 THEN
        _ids := ARRAY(SELECT DISTINCT (element ->> 'event_id')::uuid
            FROM jsonb_array_elements(_events) AS element);
        _may_be_known := cardinality(_ids) < _count
            OR EXISTS (SELECT FROM events WHERE event_id = ANY (_ids));
    END IF;
    FOR _place IN 0 .. _count - 1 LOOP
        _event := _events -> _place;
        IF _may_be_known THEN
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
        END IF;
        _is_done := check_grant(_event ->> 'event_type', _event -> 'payload');
        IF _current <> _expected_version THEN
            RAISE EXCEPTION 'the stream % is at version %, not %',
                _stream, _current, _expected_version USING ERRCODE = 'LC001';
        END IF;
        _expected_version := NULL;
        _current := _current + 1;
        _position := _position + 1;
        stored := jsonb_populate_record(NULL::events, _event);
        IF _stream = '' OR stored.event_type = '' OR jsonb_typeof(stored.payload) <> 'object' THEN
            RAISE EXCEPTION 'an event needs a stream, a kind and an object as its payload'
                USING ERRCODE = 'check_violation';
        END IF;
        stored.position := _position;
        stored.stream := _stream;
        stored.version := _current;
        stored.previous_hash := _previous;
        _previous := event_hash(_previous, stored);
        stored.hash := _previous;
        _is_done := pg_notify('council_events', _position::text) IS NOT NULL;
        IF _count = 1 OR _may_be_known THEN
            INSERT INTO events VALUES (stored.*);
            is_new := true;
            RETURN NEXT;
        ELSE
            _new := _new || stored;
        END IF;
    END LOOP;
    IF _new IS NOT NULL THEN
        RETURN QUERY INSERT INTO events SELECT * FROM unnest(_new) RETURNING events, true;
    END IF;
END
$$;
