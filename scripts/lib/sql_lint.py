"""Checks that every SQL statement stays on one node of a distributed Postgres.

scripts/sql-lint calls this program with the catalogue of a freshly migrated database. The program reads the statements
of .sqlx, the functions of the schema, the keys of the schema and the new migrations, and prints each breach.
"""

import argparse
import collections
import json
import pathlib
import re
import sys

from pglast import ast, enums, parse_plpgsql, parse_sql
from pglast.parser import ParseError

# Tables without row level security: each is read before the tenant is known, and is stored whole on every node.
# All other tables are tenant tables and must have the column workspace_id.
GLOBAL_TABLES = {
    "_sqlx_migrations",
    "api_keys",
    "installation",
    "link_hosts",
    "program_workspaces",
    "publishable_keys",
    "signing_keys",
    "workspaces",
}

# The migrations up to this version are already applied on servers and cannot be changed.
LAST_UNCHECKED_MIGRATION = 20261127000001

# (statement, rule): why the statement may break the rule. An entry that no breach needs is an error.
ALLOWED = {
    ("db::refresh_statistics", "pg-stat"): (
        "decides only about ANALYZE on the local server; another server that reads other figures does no harm"
    ),
    ("outbox::find_outbox_depth", "pg-stat"): "feeds a gauge for people; no server acts on the value",
}

# Each rule with its reason, measured on a cluster.
RULES = {
    "workspace": "a reference without its own `workspace_id = $n` is sent to all shards: a constant does not reach a "
    "sub-select through another table's column",
    "modifying-cte": "each CTE is sent to every node and COMMIT becomes a two-phase commit (27 ms instead of 1 ms): "
    "use a PL/pgSQL function of one-row INSERT … VALUES … ON CONFLICT DO NOTHING RETURNING",
    "insert-select": "INSERT … SELECT without ON CONFLICT or RETURNING runs as COPY, which row level security refuses",
    "global-foreign-key": "a foreign key from a global table to a tenant table cannot exist on a cluster",
    "key-order": "a primary key, unique index or foreign key of a tenant table must begin with workspace_id: a node "
    "can only check keys of its own tenants",
    "placement": "a table must have workspace_id (tenant table) or be listed in GLOBAL_TABLES",
    "view": "a view hides its tenant tables from this lint",
    "listen-notify": "notifications reach only the sessions of one node",
    "advisory-lock": "advisory locks hold on one node only: two entry nodes grant the same lock",
    "sequence": "sequences are not dense across nodes and serial columns collide: use UUIDv7 from the server",
    "pg-stat": "statistics describe one node and stay 0 on the entry node",
    "dynamic-sql": "this lint cannot read the text of EXECUTE; only a literal that begins with SET LOCAL is allowed",
    "statement-kind": "this lint does not know this kind of statement",
    "alter-table": "a distributed table accepts one subcommand per ALTER TABLE",
    "volatile-update": "an UPDATE of a distributed table refuses volatile functions",
}

# Statements that name no table whose rows are placed.
HARMLESS_STATEMENTS = (ast.VariableSetStmt, ast.TransactionStmt, ast.ConstraintsSetStmt)

Breach = collections.namedtuple("Breach", "statement rule detail excerpt")


class Schema:
    """The migrated schema: what the rules need of the catalogue."""

    def __init__(self, catalogue):
        self.tables = {table["name"]: set(table["columns"]) for table in catalogue["tables"]}
        self.tenant_tables = {name for name in self.tables if name not in GLOBAL_TABLES}
        self.with_workspace_id = {name for name, columns in self.tables.items() if "workspace_id" in columns}
        self.volatile_functions = set(catalogue["volatile_functions"])


class Reference:
    """A table in the FROM clause, or the target of an UPDATE or DELETE."""

    def __init__(self, node):
        self.table = node.relname
        self.alias = node.alias.aliasname if node.alias else node.relname
        self.offset = node.location
        self.is_bound = False

    def __str__(self):
        return self.table if self.alias == self.table else f"{self.table} {self.alias}"


class StatementLint:
    """Checks one statement. `variables` are the PL/pgSQL variables, records and parameters that the text may name."""

    def __init__(self, schema, name, text, variables=frozenset()):
        self.schema = schema
        self.name = name
        self.text = text
        self.variables = variables
        self.breaches = []

    def run(self):
        for raw in parse_sql(self.text):
            self.check_statement(raw.stmt)
        return self.breaches

    def report(self, rule, detail, offset=None):
        # The offset of a node counts bytes.
        excerpt = self.text.encode()[offset or 0 :].decode()
        self.breaches.append(Breach(self.name, rule, detail, shorten(excerpt)))

    def check_statement(self, node):
        if isinstance(node, (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)):
            self.visit(node, frozenset(), frozenset())
        elif isinstance(node, (ast.ListenStmt, ast.NotifyStmt, ast.UnlistenStmt)):
            self.report("listen-notify", type(node).__name__)
        elif isinstance(node, ast.LockStmt):
            for relation in node.relations:
                if relation.relname in self.schema.tenant_tables:
                    self.report("workspace", f"LOCK TABLE {relation.relname}")
        elif not isinstance(node, HARMLESS_STATEMENTS):
            self.report("statement-kind", type(node).__name__)

    def visit(self, node, ctes, aliases):
        """Visits a node and all nodes below. `ctes` are the names of the CTEs in scope, `aliases` those of the tables."""
        if isinstance(node, (tuple, list)):
            for item in node:
                self.visit(item, ctes, aliases)
        elif isinstance(node, (ast.SelectStmt, ast.InsertStmt, ast.UpdateStmt, ast.DeleteStmt)):
            self.check_query(node, ctes, aliases)
        elif isinstance(node, ast.Node):
            if isinstance(node, ast.FuncCall):
                self.check_function_call(node)
            elif isinstance(node, ast.RangeVar) and re.match("pg_stat(io)?_", node.relname):
                self.report("pg-stat", node.relname, node.location)
            for child in children(node):
                self.visit(child, ctes, aliases)

    def check_function_call(self, node):
        name = node.funcname[-1].sval
        for rule, pattern in (
            ("advisory-lock", "pg_(try_)?advisory_"),
            ("sequence", "(nextval|currval|setval|lastval)$"),
            ("listen-notify", "pg_notify$"),
            ("pg-stat", "pg_stat_"),
        ):
            if re.match(pattern, name):
                self.report(rule, name, node.location)

    def check_query(self, node, ctes, aliases):
        ctes = self.check_ctes(node.withClause, ctes, aliases)
        references, query_aliases = self.check_references(node, ctes, aliases)
        aliases = aliases | query_aliases
        for reference in references:
            if reference.table in self.schema.tenant_tables and not reference.is_bound:
                self.report("workspace", f"`{reference}` has no `workspace_id = $n` of its own", reference.offset)
        if isinstance(node, ast.InsertStmt) and node.selectStmt and not node.selectStmt.valuesLists:
            if not node.onConflictClause and not node.returningClause:
                self.report("insert-select", f"INSERT INTO {node.relation.relname} … SELECT")
        for child in children(node):
            if child is not node.withClause:
                self.visit(child, ctes, aliases)

    def check_ctes(self, clause, ctes, aliases):
        """Checks the queries of a WITH clause, and returns the names in scope after the clause."""
        if not clause:
            return ctes
        if clause.recursive:
            ctes = ctes | {cte.ctename for cte in clause.ctes}
        for cte in clause.ctes:
            if not isinstance(cte.ctequery, ast.SelectStmt):
                self.report("modifying-cte", f"the CTE `{cte.ctename}` writes", cte.location)
            self.visit(cte.ctequery, ctes, aliases)
            ctes = ctes | {cte.ctename}
        return ctes

    def check_references(self, node, ctes, outer_aliases):
        """Returns the tables that a query names itself, each marked when the query binds its workspace_id."""
        sources, condition = [], None
        if isinstance(node, ast.SelectStmt):
            sources, condition = list(node.fromClause or ()), node.whereClause
        elif isinstance(node, ast.UpdateStmt):
            sources, condition = [node.relation, *(node.fromClause or ())], node.whereClause
        elif isinstance(node, ast.DeleteStmt):
            sources, condition = [node.relation, *(node.usingClause or ())], node.whereClause
        joins, aliases = [], set()
        references = []
        for source in sources:
            references += collect_references(source, ctes, joins, aliases)
        known = outer_aliases | aliases
        for conditions, allowed in [*joins, (condition, references)]:
            for conjunct in conjuncts(conditions):
                self.bind(conjunct, allowed, references, known)
        return references, aliases

    def bind(self, conjunct, allowed, references, aliases):
        """Marks the reference whose workspace_id a conjunct compares with a parameter."""
        if not (
            isinstance(conjunct, ast.A_Expr)
            and conjunct.kind == enums.A_Expr_Kind.AEXPR_OP
            and conjunct.name[-1].sval == "="
        ):
            return
        for column, value in ((conjunct.lexpr, conjunct.rexpr), (conjunct.rexpr, conjunct.lexpr)):
            path = column_path(column)
            if not path or path[-1] != "workspace_id" or not self.is_parameter(value, aliases):
                continue
            if len(path) == 1:
                candidates = [ref for ref in references if ref.table in self.schema.with_workspace_id]
                # PostgreSQL refuses a name that may mean two columns.
                candidates = candidates if len(candidates) == 1 else []
            else:
                candidates = [ref for ref in references if ref.alias == path[-2]]
            for reference in candidates:
                if reference in allowed:
                    reference.is_bound = True

    def is_parameter(self, node, aliases):
        while isinstance(node, ast.TypeCast):
            node = node.arg
        if isinstance(node, ast.ParamRef):
            return True
        path = column_path(node)
        if not path:
            return False
        if len(path) == 1:
            # A variable with the name of the column is ambiguous.
            return path[0] in self.variables and path[0] != "workspace_id"
        # `record.field` or `function.parameter`: the name of a table hides neither.
        return path[0] not in aliases and (path[0] in self.variables or path[0] == self.name)


def collect_references(source, ctes, joins, aliases):
    """Returns the tables below an item of a FROM clause.

    Adds each join condition to `joins`, with the tables that the condition filters: the condition of an outer join does
    not filter the side whose rows are all kept.
    """
    if isinstance(source, ast.RangeVar):
        reference = Reference(source)
        aliases.add(reference.alias)
        is_cte = not source.schemaname and source.relname in ctes
        return [] if is_cte else [reference]
    if isinstance(source, ast.RangeTableSample):
        return collect_references(source.relation, ctes, joins, aliases)
    if isinstance(source, ast.JoinExpr):
        left = collect_references(source.larg, ctes, joins, aliases)
        right = collect_references(source.rarg, ctes, joins, aliases)
        filtered = {
            enums.JoinType.JOIN_INNER: left + right,
            enums.JoinType.JOIN_LEFT: right,
            enums.JoinType.JOIN_RIGHT: left,
        }.get(source.jointype, [])
        joins.append((source.quals, filtered))
        if source.alias:
            aliases.add(source.alias.aliasname)
        return left + right
    if getattr(source, "alias", None):
        aliases.add(source.alias.aliasname)
    return []


def children(node):
    return [child for name in node if isinstance(child := getattr(node, name), (ast.Node, tuple, list))]


def conjuncts(node):
    if isinstance(node, ast.BoolExpr) and node.boolop == enums.BoolExprType.AND_EXPR:
        return [conjunct for arg in node.args for conjunct in conjuncts(arg)]
    return [node] if node else []


def column_path(node):
    """Returns the names of a column reference such as `e.workspace_id`."""
    if isinstance(node, ast.ColumnRef) and all(isinstance(field, ast.String) for field in node.fields):
        return [field.sval for field in node.fields]
    return None


def shorten(text):
    text = " ".join(text.split())
    return text if len(text) <= 160 else text[:157] + "…"


# --- Functions -------------------------------------------------------------------------------------


def lint_function(schema, name, language, definition):
    if language == "plpgsql":
        return [breach for text, names in plpgsql_statements(definition, name) for breach in lint(schema, *text, names)]
    if language == "sql":
        create = parse_sql(definition)[0].stmt
        names = frozenset(parameter.name for parameter in create.parameters or () if parameter.name)
        if create.sql_body:
            # RETURN <expression> or BEGIN ATOMIC …: already parsed.
            checker = StatementLint(schema, name, definition, names)
            checker.visit(create.sql_body, frozenset(), frozenset())
            return checker.breaches
        body = next(option.arg for option in create.options if option.defname == "as")
        return lint(schema, name, body[0].sval, names)
    return [Breach(name, "statement-kind", f"a function in {language}", "")]


def lint(schema, name, text, variables=frozenset()):
    dynamic = isinstance(text, Dynamic)
    if dynamic:
        if literal_of(text.expression).upper().startswith("SET LOCAL "):
            return []
        return [Breach(name, "dynamic-sql", "EXECUTE", shorten(text.expression))]
    return StatementLint(schema, name, text, variables).run()


class Dynamic:
    """The expression whose value EXECUTE runs."""

    def __init__(self, expression):
        self.expression = expression


def literal_of(expression):
    """Returns the literal at the beginning of an expression: 'text', 'text' || x, format('text', x)."""
    match = re.match(r"(?:format\s*\(\s*)?'((?:[^']|'')*)'", expression.strip(), re.IGNORECASE)
    return match[1].replace("''", "'") if match else ""


def plpgsql_statements(definition, name):
    """Yields the SQL of a PL/pgSQL function or DO block, each statement with the names of the variables."""
    for function in parse_plpgsql(definition):
        function = function["PLpgSQL_function"]
        names = set()
        for datum in function["datums"]:
            for value in datum.values():
                names.add(value.get("refname"))
        names.discard(None)
        for expression in plpgsql_expressions(function):
            yield (name, expression), frozenset(names)


def plpgsql_expressions(node, is_dynamic=False):
    if isinstance(node, list):
        for item in node:
            yield from plpgsql_expressions(item, is_dynamic)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key == "PLpgSQL_expr":
                query, mode = value["query"], value.get("parseMode", 0)
                if is_dynamic:
                    yield Dynamic(query)
                if mode == 0:
                    yield query
                elif mode == 2:
                    yield f"SELECT {query}"
                else:
                    # An assignment: what stands before the sign is a variable.
                    yield "SELECT " + re.sub(r"^.*?:?=", "", query, count=1, flags=re.DOTALL)
            elif key in ("PLpgSQL_stmt_dynexecute", "PLpgSQL_stmt_dynfors"):
                for part, child in value.items():
                    yield from plpgsql_expressions(child, part == "query")
            else:
                yield from plpgsql_expressions(value, key == "dynquery")


# --- Keys ------------------------------------------------------------------------------------------


def lint_catalogue(schema, catalogue):
    def breach(name, rule, detail):
        return Breach(name, rule, detail, "")

    for table in sorted(schema.tenant_tables - schema.with_workspace_id):
        yield breach(table, "placement", "the table has no column workspace_id and is not in GLOBAL_TABLES")
    for name in catalogue["views"]:
        yield breach(name, "view", "a view")
    for name in catalogue["sequences"]:
        yield breach(name, "sequence", "a sequence")
    for index in catalogue["unique_indexes"]:
        if index["table"] in schema.tenant_tables and index["first_column"] != "workspace_id":
            yield breach(index["name"], "key-order", f"{index['table']} begins with {index['first_column']}")
    for key in catalogue["foreign_keys"]:
        if key["table"] not in schema.tenant_tables:
            if key["target"] in schema.tenant_tables:
                yield breach(key["name"], "global-foreign-key", f"{key['table']} → {key['target']}")
        elif key["columns"][0] != "workspace_id" or (
            key["target"] in schema.tenant_tables and key["target_columns"][0] != "workspace_id"
        ):
            yield breach(key["name"], "key-order", f"{key['table']} ({', '.join(key['columns'])}) → {key['target']}")


# --- Migrations ------------------------------------------------------------------------------------


def lint_migration(schema, name, text):
    for raw in parse_sql(text):
        if isinstance(raw.stmt, ast.DoStmt):
            source = text[raw.stmt_location :][: raw.stmt_len or None]
            for (_, expression), _ in plpgsql_statements(source, name):
                if isinstance(expression, Dynamic):
                    yield from lint_migration_literal(schema, name, expression.expression)
                else:
                    yield from lint_migration(schema, name, expression)
        else:
            yield from lint_migration_statement(schema, name, raw.stmt)


def lint_migration_literal(schema, name, expression):
    """Reads the literal of EXECUTE with a name in place of each placeholder."""
    literal = re.sub(r"%(\d+\$)?[IsL]", "placeholder", literal_of(expression))
    try:
        if not literal:
            raise ParseError("no literal")
        yield from lint_migration(schema, name, literal)
    except ParseError:
        yield Breach(name, "dynamic-sql", "EXECUTE", shorten(expression))


def lint_migration_statement(schema, name, node):
    if isinstance(node, ast.AlterTableStmt) and len(node.cmds) > 1:
        yield Breach(name, "alter-table", f"ALTER TABLE {node.relation.relname} with {len(node.cmds)} subcommands", "")
    for update in descendants(node, ast.UpdateStmt):
        for call in descendants(update, ast.FuncCall):
            function = call.funcname[-1].sval
            if function in schema.volatile_functions:
                yield Breach(name, "volatile-update", f"UPDATE {update.relation.relname} with {function}()", "")


def descendants(node, kind):
    if isinstance(node, kind):
        yield node
    for child in node if isinstance(node, (tuple, list)) else children(node):
        if isinstance(child, (ast.Node, tuple, list)):
            yield from descendants(child, kind)


# --- The whole -------------------------------------------------------------------------------------


def lint_all(catalogue, queries, migrations):
    """Returns all breaches, and how many statements, functions and migrations were read."""
    schema = Schema(catalogue)
    breaches = list(lint_catalogue(schema, catalogue))
    for file in queries:
        text = json.loads(file.read_text())["query"]
        match = re.match(r"\s*/\*\s*(\S+)\s*\*/", text)
        breaches += lint(schema, match[1] if match else file.name, text)
    for function in catalogue["functions"]:
        breaches += lint_function(schema, function["name"], function["language"], function["definition"])
    checked = [file for file in migrations if int(file.name.split("_")[0]) > LAST_UNCHECKED_MIGRATION]
    for file in checked:
        breaches += lint_migration(schema, file.name, file.read_text())
    # One list has one statement for each order: the breach is the same.
    return list(dict.fromkeys(breaches)), len(checked)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("catalogue", type=pathlib.Path, help="the catalogue as JSON")
    parser.add_argument("--queries", type=pathlib.Path, default=".sqlx")
    parser.add_argument("--migrations", type=pathlib.Path, default="migrations")
    arguments = parser.parse_args()
    catalogue = json.loads(arguments.catalogue.read_text())
    queries = sorted(arguments.queries.glob("query-*.json"))
    migrations = sorted(arguments.migrations.glob("*.sql"))
    breaches, checked = lint_all(catalogue, queries, migrations)

    failures = [breach for breach in breaches if (breach.statement, breach.rule) not in ALLOWED]
    unused = ALLOWED.keys() - {(breach.statement, breach.rule) for breach in breaches}
    for rule, reason in RULES.items():
        found = {}
        for breach in failures:
            if breach.rule == rule:
                found.setdefault((breach.statement, breach.detail), breach.excerpt)
        if found:
            print(f"\n{rule}: {reason}")
            for (statement, detail), excerpt in found.items():
                print(f"  {statement}: {detail}" + (f"\n      {excerpt}" if excerpt else ""))
    for statement, rule in sorted(unused):
        print(f"\nALLOWED: {statement} does not break the rule {rule} (any more): delete the entry")
    print(
        f"\nSQL lint: {len(queries)} statements, {len(catalogue['functions'])} functions, "
        f"{len(catalogue['tables'])} tables, {checked} new migrations: "
        f"{len({breach[:3] for breach in failures}) + len(unused)} breaches, {len(ALLOWED)} allowed"
    )
    if not queries or not catalogue["tables"]:
        sys.exit("nothing was checked")
    sys.exit(1 if failures or unused else 0)


if __name__ == "__main__":
    main()
