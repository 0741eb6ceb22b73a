-- The database shows a tenant's rows to that tenant alone.
--
-- The application's sessions run as `pearset_app` (made by src/db/role.rs before the migrations: it is no part of a
-- database), which owns nothing here. Each of its transactions says which workspace it works for (src/db/tenant.rs),
-- and a statement that forgets to ask for the workspace finds nothing of another. FORCE makes the owner subject to the
-- same, so that a session that was left with the owner's role shows nothing at all.
--
-- A later migration that changes rows must put aside FORCE on the table first (ALTER TABLE … NO FORCE ROW LEVEL
-- SECURITY) and set it again in the same file: else it changes none.

CREATE FUNCTION current_workspace_id() RETURNS uuid
    LANGUAGE sql STABLE PARALLEL SAFE
    RETURN nullif(current_setting('pearset.workspace_id', true), '')::uuid;

-- The function is called once for each table in a statement and not for each row: that is what the sub-select is for.
DO $$
DECLARE
    tenant_table text;
BEGIN
    FOREACH tenant_table IN ARRAY ARRAY[
        'programs', 'domains', 'groups', 'group_default_links', 'partners', 'enrollments', 'links', 'tags', 'link_tags',
        'outbox', 'audit_logs'
    ] LOOP
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY', tenant_table);
        EXECUTE format('CREATE POLICY tenant ON %I USING (workspace_id = (SELECT current_workspace_id()))', tenant_table);
    END LOOP;
END $$;

GRANT SELECT, INSERT, UPDATE, DELETE ON
    programs, domains, groups, group_default_links, partners, enrollments, links, tags, link_tags TO pearset_app;
-- What was told and what was done stays as it was written.
GRANT SELECT, INSERT ON outbox, audit_logs TO pearset_app;
-- What must be found before the tenant is known, and the keys that sign for everybody.
GRANT SELECT, INSERT, UPDATE ON workspaces, api_keys, signing_keys TO pearset_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON link_hosts TO pearset_app;

-- The functions below say who the tenant is and then read as it, in one round trip. They run with the rights of their
-- caller: none of them can see what `pearset_app` could not.

-- What a key gives, unless it is unknown or revoked.
CREATE FUNCTION find_grant(hash bytea)
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
        JOIN programs p ON p.workspace_id = w.id AND p.id = COALESCE(api_key.program_id, w.default_program_id)
        WHERE w.id = api_key.workspace_id;
END $$;

-- The workspace of a program, for the command line, where a program is named by its id alone. It asks one workspace
-- after the other.
CREATE FUNCTION find_workspace_of_program(wanted uuid) RETURNS uuid
    LANGUAGE plpgsql AS $$
DECLARE
    candidate uuid;
BEGIN
    FOR candidate IN SELECT id FROM workspaces LOOP
        PERFORM set_config('pearset.workspace_id', candidate::text, true);
        IF EXISTS (SELECT FROM programs WHERE workspace_id = candidate AND id = wanted) THEN
            RETURN candidate;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;

-- Everything that an identity may mean, without a lock: it is all that a repeat call asks.
CREATE FUNCTION find_candidates(of_workspace uuid, of_program uuid, wanted_partner uuid, wanted_tenant_id text,
                                wanted_email text)
    RETURNS TABLE (matched_by text, partner_id uuid, enrollment_id uuid, group_id uuid, tenant_id text, status text,
                   token_epoch integer, invite_expires_at timestamptz, token_lifetime_seconds integer,
                   lacks_default_links boolean)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pearset.workspace_id', of_workspace::text, true);
    RETURN QUERY
        WITH found (matched_by, partner_id) AS (
            SELECT 'partner', wanted_partner WHERE wanted_partner IS NOT NULL
            UNION ALL
            SELECT 'tenant', e.partner_id FROM enrollments e
            WHERE e.workspace_id = of_workspace AND e.program_id = of_program AND e.tenant_id = wanted_tenant_id
            UNION ALL
            SELECT 'email', p.id FROM partners p
            WHERE p.workspace_id = of_workspace AND p.email_normalized = wanted_email
        )
        SELECT f.matched_by, f.partner_id, e.id, e.group_id, e.tenant_id, e.status, e.token_epoch,
               e.invite_expires_at, g.token_lifetime_seconds,
               EXISTS (
                   SELECT FROM group_default_links d
                   WHERE d.workspace_id = of_workspace AND d.group_id = e.group_id AND d.removed_at IS NULL
                     AND NOT EXISTS (
                         SELECT FROM links l
                         WHERE l.workspace_id = of_workspace AND l.program_id = of_program AND l.partner_id = e.partner_id
                           AND l.group_default_link_id = d.id)
               )
        FROM found f
        JOIN programs g ON g.workspace_id = of_workspace AND g.id = of_program
        LEFT JOIN enrollments e
            ON e.workspace_id = of_workspace AND e.program_id = of_program AND e.partner_id = f.partner_id;
END $$;

-- The enrollment that a token is for, if the rest of what the token says of it is true.
CREATE FUNCTION find_subject(of_workspace uuid, of_program uuid, wanted_enrollment uuid, of_partner uuid)
    RETURNS TABLE (status text, token_epoch integer)
    LANGUAGE plpgsql AS $$
BEGIN
    PERFORM set_config('pearset.workspace_id', of_workspace::text, true);
    RETURN QUERY
        SELECT e.status, e.token_epoch FROM enrollments e
        WHERE e.workspace_id = of_workspace AND e.id = wanted_enrollment AND e.program_id = of_program
          AND e.partner_id = of_partner;
END $$;
