//! Commands that fail: unknown names, taken names and invalid values.

use crate::support::binary::Home;
use crate::support::cluster::{SHARED, TEMPLATE};

/// A command, and words of its one-line error. The program `{other}` belongs to another workspace.
const FAILING: [(&str, &str); 29] = [
    ("workspace create --name Acme --slug acme --plan pro", "slug exists already"),
    ("workspace create --name Acme --slug A_B --plan pro", "'--slug"),
    ("workspace create --name Acme --slug new --plan gold", "free, pro, business, advanced, enterprise"),
    ("key create --workspace nobody", "no workspace 'nobody'"),
    ("key create --workspace acme --scopes links.delete", "unknown scope 'links.delete'"),
    ("key create --workspace acme --program {other}", "no such program"),
    ("key create --workspace acme --program prog_x", "'prog_x'"),
    ("key create --workspace acme --expires tomorrow", "'tomorrow'"),
    ("key list --workspace nobody", "no workspace 'nobody'"),
    ("key revoke key_01kfsr0000e008000000000000", "no such key"),
    ("key revoke key_x", "'key_x'"),
    ("program create --workspace nobody --name Second", "no workspace 'nobody'"),
    ("program create --workspace acme --name Second --host go.other.example", "host is in use"),
    ("program create --workspace acme --name Second --url ftp://acme.example", "'--url"),
    ("program create --workspace acme --name Second --access-mode secret", "public, private, invite"),
    ("program list --workspace nobody", "no workspace 'nobody'"),
    ("program update prog_01kfsr0000e008000000000000 --name Second", "no such program"),
    ("program update prog_x --name Second", "'prog_x'"),
    ("program update {mine} --default-domain {foreign}", "no such domain"),
    ("program update {mine} --token-lifetime 59", "60 to 10800"),
    ("domain add --workspace nobody --host go.acme.example", "no workspace 'nobody'"),
    ("domain add --workspace acme --program {other} --host go.acme.example", "no such program"),
    ("domain add --workspace acme --host go.other.example", "host is in use"),
    ("domain add --workspace acme --host go.acme.example:8080", "'go.acme.example:8080'"),
    ("domain add --workspace acme --url-prefix https://acme.example", "'https://acme.example'"),
    ("domain add --workspace acme --host go.acme.example --url-prefix https://acme.example/", "cannot be used with"),
    ("domain add --workspace acme", "--host and --url-prefix"),
    ("domain list --workspace nobody", "no workspace 'nobody'"),
    ("domain list --workspace acme --program {other}", "no such program"),
];

#[tokio::test]
async fn failed_command_prints_one_line_with_the_reason() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let mine = home.json("workspace create --name Acme --slug acme --plan pro");
    let other = home.json("workspace create --name Other --slug other --plan pro");
    let foreign = home.json("domain add --workspace other --host go.other.example");
    let named = [("{mine}", &mine["programId"]), ("{other}", &other["programId"]), ("{foreign}", &foreign["domainId"])];
    for (line, words) in FAILING {
        let line = named.iter().fold(line.to_owned(), |line, (name, id)| line.replace(name, id.as_str().unwrap()));
        let refusal = home.run(&line).refused();
        assert!(refusal.starts_with("pearset: ") && refusal.contains(words), "{line}: {refusal}");
    }
    assert_eq!(home.json("workspace list").as_array().unwrap().len(), 2);
    assert_eq!(home.json("program list --workspace acme").as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn revoked_key_cannot_be_revoked_again() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    home.json("workspace create --name Acme --slug acme --plan pro");
    let key = home.json("key create --workspace acme");
    let revoke = format!("key revoke {}", key["keyId"].as_str().unwrap());
    home.json(&revoke);
    assert!(home.run(&revoke).refused().contains("no such key that still works"));
}
