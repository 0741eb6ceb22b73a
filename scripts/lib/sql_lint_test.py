"""Shows that each rule of sql_lint.py finds what breaks the rule, and accepts what does not."""

import sys

import sql_lint

CATALOGUE = {
    "tables": [
        {"name": "workspaces", "columns": ["id", "slug"]},
        {"name": "api_keys", "columns": ["key_hash", "workspace_id"]},
        {"name": "programs", "columns": ["workspace_id", "id"]},
        {"name": "links", "columns": ["workspace_id", "id", "program_id", "clicks"]},
        {"name": "outbox", "columns": ["workspace_id", "id"]},
    ],
    "views": [],
    "sequences": [],
    "unique_indexes": [],
    "foreign_keys": [],
    "functions": [],
    "volatile_functions": ["gen_random_uuid", "random"],
}

# The rules that a statement breaks, and the statement.
STATEMENTS = [
    ([], "SELECT id FROM links WHERE workspace_id = $1"),
    ([], "SELECT id FROM links WHERE $1 = links.workspace_id AND (id = $2 OR id = $3)"),
    ([], "SELECT id FROM links l WHERE l.workspace_id = $1::uuid"),
    ([], "SELECT id FROM public.links l WHERE (l.workspace_id = $1 AND l.id = $2) AND clicks > 0"),
    ([], "SELECT slug FROM workspaces"),
    ([], "SELECT FROM api_keys WHERE key_hash = $1"),
    ([], "SELECT l.id FROM links l JOIN programs p ON p.workspace_id = $1 AND p.id = l.program_id WHERE l.workspace_id = $1"),
    ([], "SELECT l.id FROM links l LEFT JOIN programs p ON p.workspace_id = $1 WHERE l.workspace_id = $1"),
    ([], "SELECT l.id FROM links l, programs p WHERE l.workspace_id = $1 AND p.workspace_id = $1"),
    ([], "SELECT EXISTS (SELECT FROM links WHERE workspace_id = $1)"),
    ([], "WITH page AS (SELECT id FROM links WHERE workspace_id = $1) SELECT id FROM page"),
    ([], "WITH links AS (SELECT id FROM links WHERE workspace_id = $1) SELECT id FROM links"),
    ([], "WITH RECURSIVE n AS (SELECT 1 AS i UNION ALL SELECT i + 1 FROM n WHERE i < 3) SELECT i FROM n"),
    ([], "UPDATE links SET clicks = $3 WHERE workspace_id = $1 AND id = $2"),
    ([], "DELETE FROM links WHERE workspace_id = $1"),
    ([], "INSERT INTO links (workspace_id, id) VALUES ($1, $2), ($1, $3)"),
    ([], "INSERT INTO links (workspace_id, id) SELECT $1, unnest($2::uuid[]) ON CONFLICT DO NOTHING"),
    ([], "INSERT INTO links (workspace_id, id) SELECT $1, unnest($2::uuid[]) RETURNING id"),
    ([], "LOCK TABLE workspaces IN SHARE ROW EXCLUSIVE MODE"),
    ([], "SET LOCAL lock_timeout = '2s'"),
    (["workspace"], "SELECT id FROM links"),
    (["workspace"], "SELECT id FROM links WHERE id = $1"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = $1 OR id = $2"),
    (["workspace"], "SELECT id FROM links WHERE NOT workspace_id = $1"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id <> $1"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = ANY ($1)"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = current_workspace_id()"),
    (["workspace"], "SELECT id FROM links WHERE program_id = $1"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = id"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = workspace"),
    # Through another table's column.
    (["workspace"], "SELECT l.id FROM links l JOIN programs p ON p.workspace_id = l.workspace_id WHERE l.workspace_id = $1"),
    (["workspace"], "SELECT l.id FROM links l JOIN programs p USING (workspace_id) WHERE l.workspace_id = $1"),
    (["workspace"], "SELECT p.id FROM api_keys k JOIN programs p ON p.workspace_id = k.workspace_id WHERE k.workspace_id = $1"),
    # The condition of an outer join keeps all rows of the other side.
    (["workspace"], "SELECT l.id FROM links l LEFT JOIN programs p ON p.workspace_id = $1 AND l.workspace_id = $1"),
    (["workspace"], "SELECT l.id FROM links l RIGHT JOIN programs p ON l.workspace_id = $1 AND p.workspace_id = $1"),
    (["workspace"] * 2, "SELECT l.id FROM links l FULL JOIN programs p ON l.workspace_id = $1 AND p.workspace_id = $1"),
    # Each sub-select has a scope of its own.
    (["workspace"], "SELECT (SELECT count(*) FROM links l WHERE l.workspace_id = p.workspace_id) FROM programs p WHERE p.workspace_id = $1"),
    (["workspace"], "SELECT (SELECT count(*) FROM links l WHERE p.workspace_id = $1) FROM programs p WHERE p.workspace_id = $1"),
    (["workspace"], "SELECT id FROM programs WHERE workspace_id = $1 AND id IN (SELECT program_id FROM links)"),
    (["workspace"], "SELECT x.id FROM (SELECT id FROM links) x"),
    (["workspace"], "SELECT p.id FROM programs p, LATERAL (SELECT id FROM links l WHERE l.program_id = p.id) x WHERE p.workspace_id = $1"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = $1 UNION ALL SELECT id FROM programs"),
    (["workspace"], "WITH page AS (SELECT id FROM links) SELECT id FROM page"),
    (["workspace"], "WITH page AS (SELECT 1) SELECT id FROM links, page"),
    (["workspace"], "WITH links AS (SELECT id FROM links) SELECT id FROM links"),
    (["workspace"], "SELECT id FROM links WHERE workspace_id = $1 ORDER BY (SELECT id FROM programs)"),
    (["workspace"], "INSERT INTO links (workspace_id, id) VALUES ($1, (SELECT id FROM programs))"),
    (["workspace"], "INSERT INTO links (workspace_id, id) SELECT $1, id FROM programs RETURNING id"),
    (["workspace"], "UPDATE links SET clicks = 0 WHERE id = $1"),
    (["workspace"], "UPDATE links l SET clicks = 0 FROM programs p WHERE l.workspace_id = $1 AND p.id = l.program_id"),
    (["workspace"], "DELETE FROM links"),
    (["workspace"], "DELETE FROM links l USING programs p WHERE p.workspace_id = $1 AND l.program_id = p.id"),
    (["workspace"], "DELETE FROM links l USING programs p WHERE l.workspace_id = $1 AND l.program_id = p.id"),
    (["workspace"], "INSERT INTO links (workspace_id) VALUES ($1) ON CONFLICT (workspace_id) DO UPDATE SET clicks = (SELECT 1 FROM programs p WHERE p.workspace_id = excluded.workspace_id)"),
    (["workspace"], "SELECT l.id FROM links l TABLESAMPLE SYSTEM (1)"),
    (["workspace"], "LOCK TABLE links"),
    # An unqualified name that may mean two columns is refused by PostgreSQL; here no reference is bound.
    (["workspace"] * 2, "SELECT 1 FROM links, programs WHERE workspace_id = $1"),
    (["modifying-cte"], "WITH new AS (INSERT INTO links (workspace_id) VALUES ($1) RETURNING id) SELECT id FROM new"),
    (["modifying-cte"], "WITH old AS (DELETE FROM links WHERE workspace_id = $1) SELECT 1"),
    (["modifying-cte"], "WITH new AS (UPDATE links SET clicks = 0 WHERE workspace_id = $1) SELECT 1"),
    (["modifying-cte", "workspace"], "WITH old AS (DELETE FROM links) SELECT 1"),
    (["insert-select"], "INSERT INTO links (workspace_id, id) SELECT $1, unnest($2::uuid[])"),
    (["insert-select"], "INSERT INTO links (workspace_id, id) SELECT $1, $2 WHERE $3"),
    (["insert-select"], "INSERT INTO links (workspace_id, id) SELECT $1, 1 UNION ALL SELECT $1, 2"),
    (["listen-notify"], "LISTEN changes"),
    (["listen-notify"], "UNLISTEN *"),
    (["listen-notify"], "NOTIFY changes, 'x'"),
    (["listen-notify"], "SELECT pg_notify('changes', 'x')"),
    (["advisory-lock"], "SELECT pg_advisory_lock(1)"),
    (["advisory-lock"], "SELECT 1 WHERE pg_catalog.pg_try_advisory_xact_lock($1)"),
    (["sequence"], "SELECT nextval('numbers')"),
    (["pg-stat"], "SELECT relname FROM pg_stat_user_tables"),
    (["pg-stat"], "SELECT pg_stat_get_live_tuples(1)"),
    (["pg-stat"], "SELECT 1 FROM pg_catalog.pg_statio_user_tables"),
    (["statement-kind"], "TRUNCATE links"),
    (["statement-kind"], "MERGE INTO links USING programs p ON false WHEN MATCHED THEN DO NOTHING"),
    (["statement-kind"], "DO $$ BEGIN END $$"),
]

# The rules that a function breaks, its language, and its definition.
PLPGSQL = "CREATE FUNCTION f(of_workspace uuid, wanted uuid) RETURNS TABLE (workspace_id uuid) LANGUAGE plpgsql AS $$ {} $$"
TRIGGER = "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$ {} $$"
SQL = "CREATE FUNCTION f(of_workspace uuid) RETURNS bigint LANGUAGE sql {}"
FUNCTIONS = [
    ([], "plpgsql", PLPGSQL.format("BEGIN RETURN QUERY SELECT l.workspace_id FROM links l WHERE l.workspace_id = of_workspace; END")),
    ([], "plpgsql", PLPGSQL.format("BEGIN PERFORM FROM links l WHERE l.workspace_id = f.of_workspace; END")),
    ([], "plpgsql", PLPGSQL.format("DECLARE k api_keys; BEGIN SELECT * INTO k FROM api_keys; PERFORM FROM links l WHERE l.workspace_id = k.workspace_id; END")),
    ([], "plpgsql", PLPGSQL.format("DECLARE w uuid; BEGIN FOR w IN SELECT id FROM workspaces LOOP DELETE FROM links l WHERE l.workspace_id = w; END LOOP; END")),
    ([], "plpgsql", PLPGSQL.format("DECLARE n bigint; BEGIN n := (SELECT count(*) FROM links l WHERE l.workspace_id = of_workspace); END")),
    ([], "plpgsql", PLPGSQL.format("BEGIN EXECUTE format('SET LOCAL pearset.workspace_id = %L', of_workspace); END")),
    ([], "plpgsql", TRIGGER.format("BEGIN UPDATE programs p SET id = id WHERE p.workspace_id = NEW.workspace_id; RETURN NULL; END")),
    ([], "sql", SQL.format("RETURN (SELECT count(*) FROM links WHERE workspace_id = of_workspace)")),
    ([], "sql", SQL.format("AS $$ SELECT count(*) FROM links WHERE workspace_id = $1 $$")),
    (["workspace"], "plpgsql", PLPGSQL.format("BEGIN RETURN QUERY SELECT l.workspace_id FROM links l WHERE l.id = wanted; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("BEGIN PERFORM FROM links WHERE workspace_id = workspace_id; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("BEGIN PERFORM FROM links l WHERE l.workspace_id = of_another; END")),
    # The table hides the record.
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE k api_keys; BEGIN PERFORM FROM links l, api_keys k WHERE l.workspace_id = k.workspace_id; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE k api_keys; BEGIN PERFORM FROM api_keys k WHERE EXISTS (SELECT FROM links l WHERE l.workspace_id = k.workspace_id); END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE k api_keys; BEGIN PERFORM FROM links l, (SELECT * FROM api_keys) k WHERE l.workspace_id = k.workspace_id; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE k api_keys; BEGIN PERFORM FROM links l JOIN (workspaces w CROSS JOIN api_keys a) AS k ON l.workspace_id = k.workspace_id; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("BEGIN IF EXISTS (SELECT FROM links) THEN RETURN; END IF; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE n bigint; BEGIN n := (SELECT count(*) FROM links); END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE n bigint := (SELECT count(*) FROM links); BEGIN END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE w uuid; BEGIN FOR w IN SELECT id FROM links LOOP NULL; END LOOP; END")),
    (["workspace"], "plpgsql", PLPGSQL.format("DECLARE c CURSOR FOR SELECT id FROM links; BEGIN END")),
    (["workspace"], "plpgsql", TRIGGER.format("BEGIN UPDATE programs p SET id = id WHERE p.id = NEW.program_id; RETURN NULL; END")),
    (["advisory-lock"], "plpgsql", PLPGSQL.format("BEGIN PERFORM pg_advisory_xact_lock(1); END")),
    (["insert-select"], "plpgsql", PLPGSQL.format("BEGIN INSERT INTO links (workspace_id) SELECT of_workspace; END")),
    (["modifying-cte"], "plpgsql", PLPGSQL.format("BEGIN WITH x AS (DELETE FROM links l WHERE l.workspace_id = of_workspace) SELECT 1; END")),
    (["dynamic-sql"], "plpgsql", PLPGSQL.format("BEGIN EXECUTE 'DELETE FROM links'; END")),
    (["dynamic-sql"], "plpgsql", PLPGSQL.format("BEGIN EXECUTE wanted || 'SET LOCAL x = 1'; END")),
    (["dynamic-sql"], "plpgsql", PLPGSQL.format("BEGIN RETURN QUERY EXECUTE 'SELECT id FROM links'; END")),
    (["dynamic-sql"], "plpgsql", PLPGSQL.format("DECLARE w uuid; BEGIN FOR w IN EXECUTE 'SELECT id FROM links' LOOP NULL; END LOOP; END")),
    (["workspace"], "sql", SQL.format("RETURN (SELECT count(*) FROM links)")),
    (["workspace"], "sql", SQL.format("AS $$ SELECT count(*) FROM links $$")),
    (["workspace"], "sql", SQL.format("BEGIN ATOMIC SELECT count(*) FROM links; END")),
    (["statement-kind"], "c", "CREATE FUNCTION f() RETURNS int LANGUAGE c AS 'x', 'y'"),
]

# The rules that a migration breaks, and the migration.
MIGRATIONS = [
    ([], "ALTER TABLE links ADD COLUMN a text; ALTER TABLE links ADD COLUMN b text;"),
    ([], "UPDATE links SET clicks = abs(clicks);"),
    ([], "INSERT INTO links (id) VALUES (gen_random_uuid());"),
    ([], "DO $$ BEGIN EXECUTE format('ALTER TABLE %I FORCE ROW LEVEL SECURITY', 'links'); END $$;"),
    (["alter-table"], "SELECT 1; ALTER TABLE links ADD COLUMN a text, ADD COLUMN b text;"),
    (["alter-table"], "SELECT 'é'; DO $$ BEGIN ALTER TABLE links ADD COLUMN a text, ADD COLUMN b text; END $$;"),
    (["alter-table"], "DO $$ BEGIN EXECUTE format('ALTER TABLE %I ADD COLUMN a text, ADD COLUMN b text', 'links'); END $$;"),
    (["volatile-update"], "UPDATE links SET id = gen_random_uuid();"),
    (["volatile-update"], "UPDATE links SET clicks = 1 WHERE random() < 0.5;"),
    (["volatile-update"], "DO $$ BEGIN UPDATE links SET id = gen_random_uuid(); END $$;"),
    (["dynamic-sql"], "DO $$ DECLARE x text; BEGIN EXECUTE x; END $$;"),
]

# The rules that a change of the catalogue breaks, and the change.
CATALOGUES = [
    ([], {}),
    ([], {"unique_indexes": [{"name": "k", "table": "links", "first_column": "workspace_id"}]}),
    ([], {"unique_indexes": [{"name": "k", "table": "api_keys", "first_column": "key_hash"}]}),
    (["key-order"], {"unique_indexes": [{"name": "k", "table": "links", "first_column": "id"}]}),
    (["key-order"], {"unique_indexes": [{"name": "k", "table": "links", "first_column": None}]}),
    ([], {"foreign_keys": [{"name": "k", "table": "links", "target": "programs", "columns": ["workspace_id", "program_id"], "target_columns": ["workspace_id", "id"]}]}),
    ([], {"foreign_keys": [{"name": "k", "table": "programs", "target": "workspaces", "columns": ["workspace_id"], "target_columns": ["id"]}]}),
    (["key-order"], {"foreign_keys": [{"name": "k", "table": "links", "target": "programs", "columns": ["program_id"], "target_columns": ["id"]}]}),
    (["key-order"], {"foreign_keys": [{"name": "k", "table": "links", "target": "programs", "columns": ["workspace_id", "program_id"], "target_columns": ["id", "workspace_id"]}]}),
    (["key-order"], {"foreign_keys": [{"name": "k", "table": "links", "target": "api_keys", "columns": ["program_id"], "target_columns": ["id"]}]}),
    (["global-foreign-key"], {"foreign_keys": [{"name": "k", "table": "api_keys", "target": "programs", "columns": ["workspace_id", "program_id"], "target_columns": ["workspace_id", "id"]}]}),
    (["placement"], {"tables": [{"name": "orphans", "columns": ["id"]}]}),
    (["view"], {"views": ["active_links"]}),
    (["sequence"], {"sequences": ["links_id_seq"]}),
]


def cases():
    """Yields what is checked, the rules that must be broken, and the breaches."""
    schema = sql_lint.Schema(CATALOGUE)
    for rules, text in STATEMENTS:
        yield text, rules, sql_lint.lint(schema, "f", text)
    for rules, language, text in FUNCTIONS:
        yield text, rules, sql_lint.lint_function(schema, "f", language, text)
    for rules, text in MIGRATIONS:
        yield text, rules, sql_lint.lint_migration(schema, "f", text)
    for rules, change in CATALOGUES:
        catalogue = CATALOGUE | change
        yield change, rules, sql_lint.lint_catalogue(sql_lint.Schema(catalogue), catalogue)


def main():
    failures, broken, count = [], set(), 0
    for text, rules, breaches in cases():
        found = [breach.rule for breach in breaches]
        broken.update(rules)
        count += 1
        if sorted(found) != sorted(rules):
            failures.append(f"{text}\n    expected {rules}, found {found}")
    if untested := sql_lint.RULES.keys() - broken:
        failures.append(f"no case breaks {sorted(untested)}")
    if failures:
        sys.exit("SQL lint, self test:\n  " + "\n  ".join(failures))
    print(f"SQL lint, self test: {count} cases, {len(broken)} rules")


if __name__ == "__main__":
    main()
