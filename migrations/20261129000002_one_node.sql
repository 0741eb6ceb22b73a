-- Keeps every statement on one node when the tables are distributed by workspace: several writes in one round trip are a
-- function of one-row INSERT … VALUES statements, no table without a workspace refers to a table with a workspace, and a
-- request in progress is a row instead of an advisory lock.

-- Inserts a partner (unless the partner exists), an enrollment and the event about the enrollment. Returns false when
-- another transaction has taken the e-mail address or the tenant id before, or has changed or deleted the group. The
-- caller then rolls back the rows that were inserted.
--
-- The function locks the row of the group before the enrollment is inserted, because the foreign key does not suffice:
-- the foreign key waits for a transaction that deletes the group, and is then satisfied with a row that is marked as
-- deleted.
CREATE FUNCTION insert_enrollment(
        of_workspace uuid, of_program uuid, new_id uuid, of_partner uuid, partner_exists boolean, new_email text,
        new_email_normalized text, new_name text, new_username text, new_image text, new_country text,
        new_description text, of_group uuid, of_group_version integer, new_tenant_id text, new_status text,
        new_application_id uuid, new_metadata jsonb, new_invite_expires_at timestamptz, event_id uuid, event_name text,
        event_payload jsonb, moment timestamptz)
    RETURNS boolean
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT partner_exists THEN
        INSERT INTO partners (workspace_id, id, email, email_normalized, name, username, image, country, description,
                              created_at)
        VALUES (of_workspace, of_partner, new_email, new_email_normalized, new_name, new_username, new_image, new_country,
                new_description, moment)
        ON CONFLICT (workspace_id, email_normalized) DO NOTHING;
        IF NOT FOUND THEN
            RETURN false;
        END IF;
    END IF;
    PERFORM FROM groups g
    WHERE g.workspace_id = of_workspace AND g.program_id = of_program AND g.id = of_group AND g.version = of_group_version
    FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, tenant_id, status, application_id,
                             metadata, created_at, invite_expires_at)
    VALUES (of_workspace, new_id, of_program, of_partner, of_group, new_tenant_id, new_status, new_application_id,
            COALESCE(new_metadata, '{}'), moment, new_invite_expires_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN false;
    END IF;
    INSERT INTO outbox (workspace_id, id, event, payload, created_at)
    VALUES (of_workspace, event_id, event_name, event_payload, moment);
    RETURN true;
END $$;

-- Inserts links of one partner and returns the ids of the inserted links. A link is left out if its key or its external
-- id is taken, or if the partner already has the default link. The caller sorts the links by key, so that two
-- transactions do not wait for each other.
CREATE FUNCTION insert_links(
        of_workspace uuid, of_program uuid, of_partner uuid, of_domain uuid, new_tenant_id text, ids uuid[], keys text[],
        folded_keys text[], urls text[], default_links uuid[], external_ids text[], new_archived boolean,
        new_comments text, new_expires_at timestamptz, new_expired_url text, new_password_hash text, new_proxy boolean,
        new_title text, new_description text, new_image text, new_video text, new_rewrite boolean, new_ios text,
        new_android text, new_do_index boolean, new_test_variants jsonb, new_test_started_at timestamptz,
        new_test_completed_at timestamptz, new_track_conversion boolean, new_public_stats boolean, new_geo jsonb,
        new_utm_source text, new_utm_medium text, new_utm_campaign text, new_utm_term text, new_utm_content text,
        new_direct_tracking boolean, new_direct_tracking_redirect boolean, new_direct_tracking_redirect_url text,
        moment timestamptz)
    RETURNS uuid[]
    LANGUAGE plpgsql AS $$
DECLARE
    inserted uuid[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(ids) LOOP
        INSERT INTO links (workspace_id, program_id, partner_id, domain_id, tenant_id, id, key, key_folded, url,
                           group_default_link_id, external_id, archived, comments, expires_at, expired_url,
                           password_hash, proxy, title, description, image, video, rewrite, ios, android, do_index,
                           test_variants, test_started_at, test_completed_at, track_conversion, public_stats, geo,
                           utm_source, utm_medium, utm_campaign, utm_term, utm_content, direct_tracking,
                           direct_tracking_redirect, direct_tracking_redirect_url, created_at, updated_at)
        VALUES (of_workspace, of_program, of_partner, of_domain, new_tenant_id, ids[i], keys[i], folded_keys[i], urls[i],
                default_links[i], external_ids[i], new_archived, new_comments, new_expires_at, new_expired_url,
                new_password_hash, new_proxy, new_title, new_description, new_image, new_video, new_rewrite, new_ios,
                new_android, new_do_index, new_test_variants, new_test_started_at, new_test_completed_at,
                new_track_conversion, new_public_stats, new_geo, new_utm_source, new_utm_medium, new_utm_campaign,
                new_utm_term, new_utm_content, new_direct_tracking, new_direct_tracking_redirect,
                new_direct_tracking_redirect_url, moment, moment)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            inserted := inserted || ids[i];
        END IF;
    END LOOP;
    RETURN inserted;
END $$;

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
