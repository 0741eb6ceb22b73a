-- Look-ups of one program that come at the same time are one statement. Most of what a look-up costs does not depend on
-- how many it asks for: the round trip, waking a process, and beginning and ending a plan.
--
-- `find_candidates` stays for servers of the version before, while they are being replaced.

-- Everything that each of these identities may mean, without a lock: it is all that a repeat call asks. The first
-- identity has place 1.
--
-- One plan for any number, through the indexes: what it would cost to make one for each call, and how large the tables
-- are taken for in a new database, both lead to worse ones.
CREATE FUNCTION find_candidates_together(of_workspace uuid, of_program uuid, wanted_partners uuid[],
                                         wanted_tenant_ids text[], wanted_emails text[])
    RETURNS TABLE (place bigint, matched_by text, partner_id uuid, enrollment_id uuid, group_id uuid, tenant_id text,
                   status text, token_epoch integer, invite_expires_at timestamptz, token_lifetime_seconds integer,
                   lacks_default_links boolean)
    LANGUAGE plpgsql
    SET plan_cache_mode = force_generic_plan
    SET enable_seqscan = off
    SET enable_hashjoin = off
    SET enable_mergejoin = off
AS $$
BEGIN
    PERFORM set_config('pearset.workspace_id', of_workspace::text, true);
    RETURN QUERY
        SELECT w.place, f.matched_by, f.partner_id, e.id, e.group_id, e.tenant_id, e.status, e.token_epoch,
               e.invite_expires_at, g.token_lifetime_seconds,
               EXISTS (
                   SELECT FROM group_default_links d
                   WHERE d.workspace_id = of_workspace AND d.group_id = e.group_id AND d.removed_at IS NULL
                     AND NOT EXISTS (
                         SELECT FROM links l
                         WHERE l.workspace_id = of_workspace AND l.program_id = of_program AND l.partner_id = e.partner_id
                           AND l.group_default_link_id = d.id)
               )
        FROM unnest(wanted_partners, wanted_tenant_ids, wanted_emails)
            WITH ORDINALITY AS w (partner_id, tenant_id, email, place)
        CROSS JOIN LATERAL (
            SELECT 'partner', w.partner_id WHERE w.partner_id IS NOT NULL
            UNION ALL
            SELECT 'tenant', e.partner_id FROM enrollments e
            WHERE e.workspace_id = of_workspace AND e.program_id = of_program AND e.tenant_id = w.tenant_id
            UNION ALL
            SELECT 'email', p.id FROM partners p
            WHERE p.workspace_id = of_workspace AND p.email_normalized = w.email
        ) AS f (matched_by, partner_id)
        JOIN programs g ON g.workspace_id = of_workspace AND g.id = of_program
        LEFT JOIN enrollments e
            ON e.workspace_id = of_workspace AND e.program_id = of_program AND e.partner_id = f.partner_id;
END $$;
