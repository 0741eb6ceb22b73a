-- The catalogue of a migrated database as one JSON value, for scripts/lib/sql_lint.py.
WITH ours AS (
    SELECT oid FROM pg_namespace WHERE nspname <> 'information_schema' AND nspname NOT LIKE 'pg\_%'
), tables AS (
    SELECT t.oid, t.relname, t.relkind FROM pg_class t WHERE t.relnamespace IN (SELECT oid FROM ours)
)
SELECT json_build_object(
    'tables', (
        SELECT coalesce(json_agg(json_build_object('name', t.relname, 'columns', (
            SELECT json_agg(a.attname) FROM pg_attribute a
            WHERE a.attrelid = t.oid AND a.attnum > 0 AND NOT a.attisdropped)) ORDER BY t.relname), '[]')
        FROM tables t WHERE t.relkind IN ('r', 'p', 'f')),
    'views', (
        SELECT coalesce(json_agg(t.relname ORDER BY t.relname), '[]') FROM tables t WHERE t.relkind IN ('v', 'm')),
    'sequences', (
        SELECT coalesce(json_agg(t.relname ORDER BY t.relname), '[]') FROM tables t WHERE t.relkind = 'S'),
    'unique_indexes', (
        SELECT coalesce(json_agg(json_build_object('name', i.relname, 'table', t.relname, 'first_column', (
            SELECT a.attname FROM pg_attribute a WHERE a.attrelid = t.oid AND a.attnum = x.indkey[0])) ORDER BY i.relname), '[]')
        FROM pg_index x JOIN tables t ON t.oid = x.indrelid JOIN pg_class i ON i.oid = x.indexrelid
        WHERE x.indisunique AND t.relkind IN ('r', 'p')),
    'foreign_keys', (
        SELECT coalesce(json_agg(json_build_object(
            'name', c.conname, 'table', t.relname, 'target', f.relname,
            'columns', (
                SELECT json_agg(a.attname ORDER BY k.position)
                FROM unnest(c.conkey) WITH ORDINALITY k (number, position)
                JOIN pg_attribute a ON a.attrelid = c.conrelid AND a.attnum = k.number),
            'target_columns', (
                SELECT json_agg(a.attname ORDER BY k.position)
                FROM unnest(c.confkey) WITH ORDINALITY k (number, position)
                JOIN pg_attribute a ON a.attrelid = c.confrelid AND a.attnum = k.number)) ORDER BY c.conname), '[]')
        FROM pg_constraint c JOIN tables t ON t.oid = c.conrelid JOIN pg_class f ON f.oid = c.confrelid
        WHERE c.contype = 'f'),
    'functions', (
        SELECT coalesce(json_agg(json_build_object(
            'name', p.proname, 'language', l.lanname, 'definition', pg_get_functiondef(p.oid)) ORDER BY p.proname), '[]')
        FROM pg_proc p JOIN pg_language l ON l.oid = p.prolang
        WHERE p.pronamespace IN (SELECT oid FROM ours) AND p.prokind IN ('f', 'p')
          -- Functions of an extension are not ours.
          AND NOT EXISTS (SELECT FROM pg_depend d
                          WHERE d.classid = 'pg_proc'::regclass AND d.objid = p.oid AND d.deptype = 'e')),
    'volatile_functions', (
        SELECT json_agg(DISTINCT p.proname) FROM pg_proc p WHERE p.provolatile = 'v' AND p.prokind = 'f')
);
