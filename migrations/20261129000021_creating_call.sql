-- What a creating call costs.

-- At every INSERT, PostgreSQL reads the text of each check of the table again. The twelve checks of `enrollments` were a
-- seventh of the instructions of a creating call. One check that calls a function has a short text, and the function is
-- compiled once in a session.
--
-- The first condition holds for nearly every row and is cheap. The second one states the rules; null counts as true, as in
-- a check.
CREATE FUNCTION is_valid_enrollment(
        status text, tenant_id text, metadata jsonb, application_id uuid, invite_expires_at timestamptz,
        banned_from text, banned_reason text, rejection_reason text, reapplication_timeframe text, fraud_suspicion text,
        uncounted bigint)
    RETURNS boolean
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
BEGIN
    IF status = 'approved' AND jsonb_typeof(metadata) = 'object'
        AND (tenant_id IS NULL OR char_length(tenant_id) BETWEEN 1 AND 255) AND (uncounted IS NULL OR uncounted = 0)
        AND num_nonnulls(banned_from, banned_reason, rejection_reason, reapplication_timeframe, fraud_suspicion) = 0
    THEN
        RETURN true;
    END IF;
    RETURN status IN ('pending', 'approved', 'rejected', 'invited', 'declined', 'deactivated', 'banned', 'archived')
        AND jsonb_typeof(metadata) = 'object'
        AND char_length(tenant_id) BETWEEN 1 AND 255
        AND uncounted = 0
        AND (status <> 'pending' OR application_id IS NOT NULL)
        AND (status <> 'invited' OR invite_expires_at IS NOT NULL)
        AND banned_from IN ('pending', 'approved', 'rejected', 'invited', 'declined', 'deactivated', 'archived')
        AND (banned_from <> 'invited' OR invite_expires_at IS NOT NULL)
        AND banned_reason IN
            ('tos_violation', 'inappropriate_content', 'fake_traffic', 'fraud', 'spam', 'brand_abuse')
        AND rejection_reason IN ('needsMoreDetail', 'doesNotMeetRequirements', 'notTheRightFit', 'other')
        AND reapplication_timeframe IN ('instant', 'standard', 'never')
        AND (fraud_suspicion IS NULL OR reapplication_timeframe <> 'instant');
END $$;

ALTER TABLE enrollments ADD CONSTRAINT enrollments_valid_check CHECK (is_valid_enrollment(
    status, tenant_id, metadata, application_id, invite_expires_at, banned_from, banned_reason, rejection_reason,
    reapplication_timeframe, fraud_suspicion, uncounted));
ALTER TABLE enrollments DROP CONSTRAINT enrollments_application_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_banned_from_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_banned_invite_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_banned_reason_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_fraud_suspicion_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_invite_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_metadata_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_reapplication_timeframe_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_rejection_reason_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_status_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_tenant_id_check;
ALTER TABLE enrollments DROP CONSTRAINT enrollments_uncounted_check;

-- Inserts a partner (unless the partner exists), the enrollment, its first links and its event in one round trip. Returns
-- the ids of the inserted links, as `insert_links` does. Null where another transaction was faster with the e-mail or the
-- tenant id, or has changed or deleted the group: the caller then rolls back what was inserted until then.
--
-- The row of the group is locked before the enrollment is inserted, because the foreign key does not suffice: the foreign
-- key waits for a transaction that deletes the group, and is then satisfied with a row that is marked as deleted.
CREATE FUNCTION insert_enrollment(
        of_workspace uuid, of_program uuid, new_id uuid, of_partner uuid, partner_exists boolean, new_email text,
        new_email_normalized text, new_name text, new_username text, new_image text, new_country text,
        new_description text, of_group uuid, of_group_version integer, new_tenant_id text, new_status text,
        new_application_id uuid, new_metadata jsonb, new_invite_expires_at timestamptz, event_id uuid, event_name text,
        event_payload jsonb, of_domain uuid, link_ids uuid[], link_keys text[], folded_keys text[], link_urls text[],
        default_links uuid[], external_ids text[], link_settings jsonb, moment timestamptz)
    RETURNS uuid[]
    LANGUAGE plpgsql AS $$
BEGIN
    IF NOT partner_exists THEN
        INSERT INTO partners (workspace_id, id, email, email_normalized, name, username, image, country, description,
                              created_at)
        VALUES (of_workspace, of_partner, new_email, new_email_normalized, new_name, new_username, new_image, new_country,
                new_description, moment)
        ON CONFLICT (workspace_id, email_normalized) DO NOTHING;
        IF NOT FOUND THEN
            RETURN NULL;
        END IF;
    END IF;
    PERFORM FROM groups g
    WHERE g.workspace_id = of_workspace AND g.program_id = of_program AND g.id = of_group AND g.version = of_group_version
    FOR KEY SHARE;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO enrollments (workspace_id, id, program_id, partner_id, group_id, tenant_id, status, application_id,
                             metadata, created_at, invite_expires_at)
    VALUES (of_workspace, new_id, of_program, of_partner, of_group, new_tenant_id, new_status, new_application_id,
            COALESCE(new_metadata, '{}'), moment, new_invite_expires_at)
    ON CONFLICT DO NOTHING;
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    INSERT INTO outbox (workspace_id, id, event, payload, created_at)
    VALUES (of_workspace, event_id, event_name, event_payload, moment);
    RETURN insert_links(of_workspace, of_program, of_partner, of_domain, new_tenant_id, link_ids, link_keys, folded_keys,
                        link_urls, default_links, external_ids, link_settings, moment);
END $$;
