-- Keeps every statement on one node when the tables are distributed by workspace: no table without a workspace refers to
-- a table with a workspace, and a request in progress is a row instead of an advisory lock.

-- No statement calls this function any more.
DROP FUNCTION find_candidates(uuid, uuid, uuid, text, text);

-- Returns the grant of an API key, unless the key is unknown or revoked.
CREATE OR REPLACE FUNCTION find_grant(hash bytea)
    RETURNS TABLE (api_key_id uuid, workspace_id uuid, plan text, program_id uuid, deactivated_at timestamptz,
                   scopes text[], expires_at timestamptz, is_bound_to_program boolean)
    LANGUAGE plpgsql AS $$
DECLARE
    api_key api_keys;
BEGIN
    SELECT * INTO api_key FROM api_keys WHERE key_hash = hash AND revoked_at IS NULL;
    IF NOT FOUND THEN
        RETURN;
    END IF;
    PERFORM set_config('pearset.workspace_id', api_key.workspace_id::text, true);
    RETURN QUERY
        SELECT api_key.id, w.id, w.plan, p.id, p.deactivated_at, api_key.scopes, api_key.expires_at,
               api_key.program_id IS NOT NULL
        FROM workspaces w
        JOIN programs p ON p.workspace_id = api_key.workspace_id
                       AND p.id = COALESCE(api_key.program_id, w.default_program_id)
        WHERE w.id = api_key.workspace_id;
END $$;

-- The writers of these three references check the target in the same transaction. No program and no domain is ever
-- deleted, so a checked reference stays valid.
ALTER TABLE workspaces DROP CONSTRAINT workspaces_default_program_fkey;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_program_fkey;
ALTER TABLE link_hosts DROP CONSTRAINT link_hosts_domain_fkey;

-- A request in progress is a row without an answer. No other transaction ever sees such a row: the row is inserted when
-- the request begins, and the answer is written before the row is committed.
ALTER TABLE idempotency_keys ALTER COLUMN status DROP NOT NULL;
ALTER TABLE idempotency_keys ALTER COLUMN body DROP NOT NULL;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_answer_check CHECK ((status IS NULL) = (body IS NULL));

-- Claims a key for the request of this transaction. `is_claimed` is false when the key is in use: the result then has the
-- stored answer, or no answer while another transaction with the key is still running. The wait for that transaction is
-- short, because the client repeats the request anyway. The end of the transaction frees the key immediately, also when
-- a server is killed.
CREATE FUNCTION claim_idempotency_key(of_workspace uuid, wanted_key text, new_fingerprint bytea, moment timestamptz,
                                      new_expires_at timestamptz)
    RETURNS TABLE (is_claimed boolean, fingerprint bytea, status smallint, body bytea)
    LANGUAGE plpgsql
    SET lock_timeout = '10ms'
AS $$
BEGIN
    INSERT INTO idempotency_keys (workspace_id, key, fingerprint, expires_at)
    VALUES (of_workspace, wanted_key, new_fingerprint, new_expires_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        -- Replaces an expired row.
        UPDATE idempotency_keys k
        SET fingerprint = new_fingerprint, status = NULL, body = NULL, expires_at = new_expires_at
        WHERE k.workspace_id = of_workspace AND k.key = wanted_key AND k.expires_at <= moment;
    END IF;
    IF FOUND THEN
        RETURN QUERY SELECT true, NULL::bytea, NULL::smallint, NULL::bytea;
    ELSE
        RETURN QUERY SELECT false, k.fingerprint, k.status, k.body FROM idempotency_keys k
        WHERE k.workspace_id = of_workspace AND k.key = wanted_key;
    END IF;
EXCEPTION WHEN lock_not_available THEN
    RETURN QUERY SELECT false, NULL::bytea, NULL::smallint, NULL::bytea;
END $$;
