-- Moves the settings of a link to one JSON object, so that a new setting needs no column. Members with their default value
-- are absent.

ALTER TABLE links ADD COLUMN settings jsonb NOT NULL DEFAULT '{}';

-- With FORCE, row level security hides the rows from the owner of the table, too.
ALTER TABLE links NO FORCE ROW LEVEL SECURITY;

UPDATE links SET settings = jsonb_strip_nulls(jsonb_build_object(
    'trackConversion', NULLIF(track_conversion, true),
    'archived', NULLIF(archived, false),
    'publicStats', NULLIF(public_stats, false),
    'comments', comments,
    'expiresAt', to_char(expires_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'expiredUrl', expired_url,
    'password', password_hash,
    'proxy', NULLIF(proxy, false),
    'title', title,
    'description', description,
    'image', image,
    'video', video,
    'rewrite', NULLIF(rewrite, false),
    'ios', ios,
    'android', android,
    'doIndex', NULLIF(do_index, false),
    'geo', geo,
    'utm_source', utm_source,
    'utm_medium', utm_medium,
    'utm_campaign', utm_campaign,
    'utm_term', utm_term,
    'utm_content', utm_content,
    'testVariants', test_variants,
    'testStartedAt', to_char(test_started_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'testCompletedAt', to_char(test_completed_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'),
    'directTracking', NULLIF(direct_tracking, false),
    'directTrackingRedirect', NULLIF(direct_tracking_redirect, false),
    'directTrackingRedirectUrl', direct_tracking_redirect_url));

ALTER TABLE links FORCE ROW LEVEL SECURITY;

ALTER TABLE links DROP CONSTRAINT links_direct_tracking_check;
ALTER TABLE links DROP COLUMN track_conversion;
ALTER TABLE links DROP COLUMN archived;
ALTER TABLE links DROP COLUMN public_stats;
ALTER TABLE links DROP COLUMN comments;
ALTER TABLE links DROP COLUMN expires_at;
ALTER TABLE links DROP COLUMN expired_url;
ALTER TABLE links DROP COLUMN password_hash;
ALTER TABLE links DROP COLUMN proxy;
ALTER TABLE links DROP COLUMN title;
ALTER TABLE links DROP COLUMN description;
ALTER TABLE links DROP COLUMN image;
ALTER TABLE links DROP COLUMN video;
ALTER TABLE links DROP COLUMN rewrite;
ALTER TABLE links DROP COLUMN ios;
ALTER TABLE links DROP COLUMN android;
ALTER TABLE links DROP COLUMN do_index;
ALTER TABLE links DROP COLUMN geo;
ALTER TABLE links DROP COLUMN utm_source;
ALTER TABLE links DROP COLUMN utm_medium;
ALTER TABLE links DROP COLUMN utm_campaign;
ALTER TABLE links DROP COLUMN utm_term;
ALTER TABLE links DROP COLUMN utm_content;
ALTER TABLE links DROP COLUMN test_variants;
ALTER TABLE links DROP COLUMN test_started_at;
ALTER TABLE links DROP COLUMN test_completed_at;
ALTER TABLE links DROP COLUMN direct_tracking;
ALTER TABLE links DROP COLUMN direct_tracking_redirect;
ALTER TABLE links DROP COLUMN direct_tracking_redirect_url;

-- Inserts links of one partner and returns the ids of the inserted links. A link is left out if its key or its external
-- id is taken, or if the partner already has the default link. The caller sorts the links by key, so that two
-- transactions do not wait for each other. Each link is a one-row INSERT … VALUES statement, which stays on one node.
CREATE FUNCTION insert_links(
        of_workspace uuid, of_program uuid, of_partner uuid, of_domain uuid, new_tenant_id text, ids uuid[], keys text[],
        folded_keys text[], urls text[], default_links uuid[], external_ids text[], new_settings jsonb,
        moment timestamptz)
    RETURNS uuid[]
    LANGUAGE plpgsql AS $$
DECLARE
    inserted uuid[] := '{}';
BEGIN
    FOR i IN 1 .. cardinality(ids) LOOP
        INSERT INTO links (workspace_id, program_id, partner_id, domain_id, tenant_id, id, key, key_folded, url,
                           group_default_link_id, external_id, settings, created_at, updated_at)
        VALUES (of_workspace, of_program, of_partner, of_domain, new_tenant_id, ids[i], keys[i], folded_keys[i], urls[i],
                default_links[i], external_ids[i], new_settings, moment, moment)
        ON CONFLICT DO NOTHING;
        IF FOUND THEN
            inserted := inserted || ids[i];
        END IF;
    END LOOP;
    RETURN inserted;
END $$;
