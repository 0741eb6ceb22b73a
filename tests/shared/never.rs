//! Invariants of a database while no request is in progress. Shared by the integration tests and the chaos tests.

/// Queries that count violations.
pub(crate) const NEVER: [(&str, &str); 5] = [
    (
        "a partner without an enrollment",
        "SELECT count(*) FROM partners p WHERE NOT EXISTS (
             SELECT FROM enrollments e WHERE e.workspace_id = p.workspace_id AND e.partner_id = p.id)",
    ),
    (
        "an enrollment that has a default link of its group not exactly once",
        "SELECT count(*) FROM enrollments e JOIN group_default_links d ON d.group_id = e.group_id AND d.removed_at IS NULL
         WHERE 1 <> (
             SELECT count(*) FROM links l WHERE l.workspace_id = e.workspace_id AND l.program_id = e.program_id
                AND l.partner_id = e.partner_id AND l.group_default_link_id = d.id)",
    ),
    (
        "an enrollment that a list by a total has not exactly once",
        "SELECT count(*) FROM enrollments e
         LEFT JOIN enrollment_stats s ON s.workspace_id = e.workspace_id AND s.enrollment_id = e.id
         WHERE (e.uncounted IS NULL) <> (s.enrollment_id IS NOT NULL)",
    ),
    (
        "a reference from a table without a workspace to a row that the workspace does not have",
        "SELECT (SELECT count(*) FROM workspaces w WHERE NOT EXISTS (
                     SELECT FROM programs p WHERE p.workspace_id = w.id AND p.id = w.default_program_id))
              + (SELECT count(*) FROM api_keys k WHERE k.program_id IS NOT NULL AND NOT EXISTS (
                     SELECT FROM programs p WHERE p.workspace_id = k.workspace_id AND p.id = k.program_id))
              + (SELECT count(*) FROM link_hosts h WHERE NOT EXISTS (
                     SELECT FROM domains d
                     WHERE d.workspace_id = h.workspace_id AND d.id = h.domain_id AND d.host = h.host))",
    ),
    (
        "a link with another tenant id than its enrollment",
        "SELECT count(*) FROM links l JOIN enrollments e USING (workspace_id, program_id, partner_id)
         WHERE l.tenant_id IS DISTINCT FROM e.tenant_id",
    ),
];
