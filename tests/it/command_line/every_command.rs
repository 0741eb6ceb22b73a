//! Every command that creates, changes or lists something, on the embedded database and on an operator's own.

use std::collections::BTreeMap;

use nix::sys::signal::Signal;
use serde_json::Value;

use crate::support::binary::{Home, Server};
use crate::support::cluster::{SHARED, TEMPLATE};

/// A command, and the members of its output. `@` stands for the workspace, and a word in braces for the member of this
/// name in the output of an earlier command.
const COMMANDS: [(&str, &str); 15] = [
    ("workspace create --name Acme --slug @ --plan enterprise", "apiKey groupId programId workspaceId"),
    ("workspace list", "createdAt defaultProgramId id name plan slug"),
    (
        "key create --workspace @ --name Reports --scopes links.read,partners.read --program {programId} \
         --expires 2099-01-01T00:00:00Z",
        "apiKey keyId",
    ),
    ("key list --workspace @", "createdAt expiresAt id name programId revokedAt scopes"),
    ("key revoke {keyId}", "keyId revokedAt"),
    (
        "program create --workspace @ --name Second --url @.example --access-mode invite --host go.@.example",
        "domainId groupId programId",
    ),
    (
        "program update {programId} --name Third --url third.example --access-mode private --token-lifetime 600 \
         --portal-url partners.third.example --default-domain {domainId}",
        "programId",
    ),
    (
        "program list --workspace @",
        "accessMode createdAt deactivatedAt defaultDomainId defaultGroupId id name portalUrl tokenLifetimeSeconds url",
    ),
    ("program update {programId} --inactive", "programId"),
    ("program update {programId} --active", "programId"),
    ("workspace update @ --default-program {programId}", "defaultProgramId workspaceId"),
    (
        "domain add --workspace @ --program {programId} --url-prefix https://@.example?via= --additional",
        "domain domainId isAdditional url",
    ),
    ("domain list --workspace @ --program {programId}", "host id isAdditional isDefault programId urlPrefix"),
    ("signing-key rotate", "kid"),
    ("signing-key list", "activeFrom createdAt kid retiredAt"),
];

/// The format of a command's output.
#[derive(Clone, Copy)]
enum Form {
    /// `--json`: one value on one line.
    Json,
    /// A name and a value on each line.
    Plain,
}

/// Runs the commands one after another, in a new workspace.
#[track_caller]
fn run_all(home: &Home, workspace: &str, form: Form) {
    let mut known = BTreeMap::from([("@".to_owned(), workspace.to_owned())]);
    for (line, members) in COMMANDS {
        let line = known.iter().fold(line.to_owned(), |line, (name, value)| line.replace(name, value));
        let found = match form {
            Form::Json => first_of_json(home.json(&line)),
            Form::Plain => first_of_lines(&home.run(&line).succeeded()),
        };
        let names: Vec<&str> = found.keys().map(String::as_str).collect();
        assert_eq!(names.join(" "), members, "{line}");
        known.extend(found.into_iter().map(|(name, value)| (format!("{{{name}}}"), value)));
    }
}

/// Returns the members of the object, or of the first object in a list.
fn first_of_json(value: Value) -> BTreeMap<String, String> {
    let object = if value.is_array() { value[0].clone() } else { value };
    let members = object.as_object().expect("an object").iter();
    members.map(|(name, value)| (name.clone(), value.as_str().unwrap_or_default().to_owned())).collect()
}

/// Returns the members in the lines before the first empty line.
fn first_of_lines(text: &str) -> BTreeMap<String, String> {
    let lines = text.lines().take_while(|line| !line.is_empty()).map(|line| line.split_once(' ').expect("two words"));
    lines.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
}

#[test]
fn commands_work_while_a_server_runs_on_the_embedded_database_and_without_one() {
    let home = Home::new();
    let server = Server::start(&mut home.pearset());
    run_all(&home, "acme", Form::Json);
    run_all(&home, "beta", Form::Plain);
    server.end(Signal::SIGINT).succeeded();

    run_all(&home, "gamma", Form::Json);
    let slugs: Vec<Value> = home.json("workspace list").as_array().unwrap().iter().map(|w| w["slug"].clone()).collect();
    assert_eq!(slugs, ["default", "acme", "beta", "gamma"]);
}

#[test]
fn concurrent_commands_without_a_server_run_one_after_another() {
    let home = Home::new();
    let line = |number| format!("workspace create --name Acme --slug acme-{number} --plan free");
    std::thread::scope(|scope| {
        for number in 0..4 {
            let home = &home;
            scope.spawn(move || home.json(&line(number)));
        }
    });
    assert_eq!(home.json("workspace list").as_array().unwrap().len(), 4);
}

#[tokio::test]
async fn commands_work_on_the_operators_own_database() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    run_all(&home, "acme", Form::Json);
    run_all(&home, "beta", Form::Plain);
    assert_eq!(std::fs::read_dir(home.path()).unwrap().count(), 0, "no data folder is created");
}
