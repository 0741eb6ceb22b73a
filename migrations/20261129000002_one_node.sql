-- Statements that stay on one node where the tables are distributed by workspace: several writes in one round trip are a
-- function of one-row INSERT … VALUES, no table without a workspace refers to one with, and a request in progress is a
-- row instead of an advisory lock.

-- Makes a partner (unless it is there), its enrollment and the event that tells of it. False where another transaction
-- was faster with the e-mail or the tenant id, or has changed or deleted the group: what was made until then is for the
-- caller to roll back.
--
-- The group's row is locked before the enrollment is made and not by its foreign key only: that one waits for a
-- transaction that deletes the group, and is then content with a row that says that it is deleted.
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

-- Inserts links of one partner and returns the ids of those for which there was a place: a taken key, a taken external id
-- or a default link that the partner has already leave one out. The caller gives them in the order of their keys, so that
-- two transactions do not wait for each other.
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

-- Nothing calls it any more.
DROP FUNCTION find_candidates(uuid, uuid, uuid, text, text);

-- What a key gives, unless it is unknown or revoked.
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

-- The three are kept by what writes them, in the transaction that reads what they refer to: no program and no domain is
-- ever deleted.
ALTER TABLE workspaces DROP CONSTRAINT workspaces_default_program_fkey;
ALTER TABLE api_keys DROP CONSTRAINT api_keys_program_fkey;
ALTER TABLE link_hosts DROP CONSTRAINT link_hosts_domain_fkey;

-- A request in progress is a row without an answer, which no other transaction ever sees: it is inserted when the request
-- begins and gets its answer before it is committed.
ALTER TABLE idempotency_keys ALTER COLUMN status DROP NOT NULL;
ALTER TABLE idempotency_keys ALTER COLUMN body DROP NOT NULL;
ALTER TABLE idempotency_keys ADD CONSTRAINT idempotency_keys_answer_check CHECK ((status IS NULL) = (body IS NULL));

-- Claims a key for the request of this transaction. `is_claimed` is false where the key was used: then there is the
-- answer that was kept or, where another transaction that uses it has not ended after a moment, none. The wait must be
-- short, as its only purpose is to find out, and a client asks again. What ends with the transaction frees the key at
-- once, also when a server is killed.
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
        -- In place of one that has expired.
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
