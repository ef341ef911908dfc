-- Who may append what. A database without any grant serves its owner alone, as before.

-- A row lets the members of `role` append `kind`; with `trusts` only facts whose own `trust` is one
-- of these. Nobody but the owner may write here: whoever could, could approve.
CREATE TABLE event_grants (
    role   text   NOT NULL CHECK (role <> ''),
    kind   text   NOT NULL CHECK (kind <> ''),
    trusts text[] CHECK (cardinality(trusts) > 0),
    PRIMARY KEY (role, kind)
);

-- Return true if whoever logged in may append `_kind` with `_payload`, else raise LC003. It is asked
-- within append_events, where the current user is that function's owner: whoever has the owner's
-- rights may append anything, and is known without a look at the table. The session's user is the
-- one who logged in, whatever functions stand in between; only a superuser can change it.
-- As an expression it costs a third of what PERFORM would.
CREATE FUNCTION check_grant(_kind text, _payload jsonb) RETURNS boolean
LANGUAGE plpgsql STABLE
AS $$
BEGIN
    IF session_user = current_user OR pg_has_role(session_user, current_user, 'USAGE') THEN
        RETURN true;
    END IF;
    PERFORM FROM public.event_grants JOIN pg_roles ON rolname = role
        WHERE kind = _kind AND pg_has_role(session_user, pg_roles.oid, 'MEMBER')
            AND (trusts IS NULL OR _payload ->> 'trust' = ANY (trusts));
    IF NOT FOUND THEN
        RAISE EXCEPTION 'the login % may not append %', session_user, _kind USING ERRCODE = 'LC003';
    END IF;
    RETURN true;
END
$$;

-- As in 0001, with the check of the grant: after what is stored already, before the version.
CREATE OR REPLACE FUNCTION append_events(_stream text, _expected_version bigint, _events jsonb)
RETURNS TABLE (stored events, is_new boolean)
LANGUAGE plpgsql SECURITY DEFINER
SET search_path = pg_catalog, public, pg_temp
AS $$
DECLARE
    _current bigint;
    _position bigint;
    _previous bytea;
    _event jsonb;
    _is_granted boolean;
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
        _is_granted := check_grant(_event ->> 'event_type', _event -> 'payload');
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

-- What writes, or holds up who writes, is for those to whom it is given by name.
REVOKE EXECUTE ON FUNCTION append_events(text, bigint, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION check_grant(text, jsonb) FROM PUBLIC;
REVOKE EXECUTE ON FUNCTION lock_appends() FROM PUBLIC;
