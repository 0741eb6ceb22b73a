-- What was answered to a request that brought an Idempotency-Key.
--
-- A row is written in the transaction of what the request did: there is no effect without its row and no row without
-- its effect. That a request is still running is no row but a lock of that transaction, which ends with it, also when
-- the server is killed.

CREATE TABLE idempotency_keys (
    workspace_id uuid        NOT NULL,
    key          text        COLLATE "C" NOT NULL,
    -- SHA-256 of what was asked for and of the rights that it was asked for with.
    fingerprint  bytea       NOT NULL,
    status       smallint    NOT NULL,
    body         bytea       NOT NULL,
    expires_at   timestamptz NOT NULL,
    CONSTRAINT idempotency_keys_pkey PRIMARY KEY (workspace_id, key),
    CONSTRAINT idempotency_keys_key_check CHECK (char_length(key) BETWEEN 1 AND 255),
    CONSTRAINT idempotency_keys_fingerprint_check CHECK (octet_length(fingerprint) = 32)
);

CREATE INDEX idempotency_keys_expires_at_idx ON idempotency_keys (workspace_id, expires_at);

ALTER TABLE idempotency_keys ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY tenant ON idempotency_keys USING (workspace_id = (SELECT current_workspace_id()));
GRANT SELECT, INSERT, UPDATE, DELETE ON idempotency_keys TO pearset_app;

-- Deletes what nobody is answered with any more, of one workspace after the other. Servers that do so at the same time
-- do not wait for each other.
CREATE FUNCTION delete_expired_idempotency_keys(moment timestamptz, most integer) RETURNS bigint
    LANGUAGE plpgsql AS $$
DECLARE
    candidate uuid;
    deleted   bigint;
    total     bigint := 0;
BEGIN
    FOR candidate IN SELECT id FROM workspaces LOOP
        PERFORM set_config('pearset.workspace_id', candidate::text, true);
        DELETE FROM idempotency_keys k
        WHERE k.workspace_id = candidate AND k.key IN (
            SELECT e.key FROM idempotency_keys e
            WHERE e.workspace_id = candidate AND e.expires_at <= moment
            ORDER BY e.expires_at LIMIT most FOR UPDATE SKIP LOCKED);
        GET DIAGNOSTICS deleted = ROW_COUNT;
        total := total + deleted;
        EXIT WHEN total >= most;
    END LOOP;
    RETURN total;
END $$;
