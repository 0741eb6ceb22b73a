P=/tmp/wt4/target/debug/pearset; ls -la $P; env | grep -iE 'pearset|database|PG|SQLX|RUST'
$P --data-dir /tmp/h4/d1 --listen 127.0.0.1:0 >out 2>err & 
S=$!
for i in $(seq 100); do grep -q 'Try it' out && break; sleep .1; done; echo "ready after $i"
cat out; echo ---; cat err; cat /tmp/h4/d1/pg/lock
ls -la d1 d1/pg
run() { echo "== $*"; $P --data-dir /tmp/h4/d1 "$@" 2>&1; echo "rc=$?"; }
run workspace list; run workspace list --json; run key list --workspace default --json; run program list --workspace default --json
run domain list --workspace default --json; run signing-key list --json; run program list --workspace default; run --help; run --version; run migrate
run workspace create --name 'Acme Inc' --slug acme --plan pro --json
run workspace create --name 'Acme Inc' --slug acme --plan pro --json
run workspace create --name '' --slug acme2 --plan pro --json
run workspace create --name 'x' --slug acmE2 --plan pro --json
run workspace create --name 'x' --slug acme2 --plan gold --json
run workspace create --name 'x' --slug acme2
run workspace
run nonsense
run --nonsense
run key create --workspace nope
run key create --workspace acme --scopes nope.read
run key create --workspace acme --scopes ''
run key create --workspace acme --scopes links.read,
run key create --workspace acme --scopes links.read,links.read --json
run key create --workspace acme --program prog_x
run key create --workspace acme --program prog_01kfxxxxxxxxxxxxxxxxxxxxxx
run key create --workspace acme --expires yesterday
run key create --workspace acme --expires 2020-01-01T00:00:00Z
run key create --workspace acme --expires 2099-01-01T00:00:00+02:00 --json
run key revoke key_x
run key revoke key_01kfxxxxxxxxxxxxxxxxxxxxxx
run key generate
run key generate --json
run program update prog_01kfxxxxxxxxxxxxxxxxxxxxxx --name x
run program update prog_x --name x
run domain add --workspace acme
run domain add --workspace acme --host go.acme.com --url-prefix https://x.com/ 
run domain add --workspace acme --host go.acme.com  --json
run domain add --workspace acme --host go.acme.com  --json
run domain add --workspace acme --host GO.acme.com:80  --json
run domain add --workspace acme --url-prefix 'https://partnero.com?aff='  --additional --json
run domain add --workspace acme --url-prefix 'https://partnero.com'  --additional --json
run domain list --workspace acme
run signing-key rotate --json
run signing-key list
run openapi | cmp - /tmp/wt4/openapi.yaml | head -3
run healthcheck
A=$(sed -n 's,.*http://,,p' out | head -1); run healthcheck --listen $A
kill -INT $S; wait $S; echo rc $?; tail -3 err; pgrep -af "postgres.*h4"
run healthcheck --listen $A
run workspace list --json
