//! Unusable settings: the program ends with one line that names the setting.

use std::fs;
use std::process::Command;

use crate::support::binary::{Home, Process};

/// A secret that must not be printed.
const SECRET: &str = "hunter2";

/// A setting, its flag, and an invalid value.
const WRONG: &[(&str, &str, &str)] = &[
    ("PEARSET_LISTEN", "--listen", "nonsense"),
    ("PEARSET_LISTEN", "--listen", "127.0.0.1"),
    ("PEARSET_LISTEN", "--listen", "127.0.0.1:65536"),
    // An address that is reserved for documentation belongs to no machine.
    ("PEARSET_LISTEN", "--listen", "192.0.2.1:8080"),
    ("PEARSET_METRICS_LISTEN", "--metrics-listen", "9090"),
    ("PEARSET_METRICS_LISTEN", "--metrics-listen", "192.0.2.1:9090"),
    ("PEARSET_OTLP_ENDPOINT", "--otlp-endpoint", "127.0.0.1:4318"),
    ("PEARSET_OTLP_ENDPOINT", "--otlp-endpoint", "https://collector.example"),
    ("PEARSET_OTLP_ENDPOINT", "--otlp-endpoint", "http://u:hunter2@127.0.0.1:4318"),
    ("DATABASE_URL", "--database-url", "nonsense"),
    ("DATABASE_URL", "--database-url", "mysql://u:hunter2@127.0.0.1/x"),
    ("DATABASE_URL", "--database-url", "postgres://u:hunter2@127.0.0.1:port/x"),
    ("DATABASE_URL", "--database-url", "postgres://u:hunter2@127.0.0.1/x?sslmode=nonsense"),
    // No server listens on this port.
    ("DATABASE_URL", "--database-url", "postgres://u:hunter2@127.0.0.1:1/x"),
    ("DATABASE_URL", "--database-url", "postgres://u:hunter2@localhost/x?host=/nonexistent"),
    ("PEARSET_PUBLIC_URL", "--public-url", "nonsense"),
    ("PEARSET_PUBLIC_URL", "--public-url", "ftp://acme.example"),
    ("PEARSET_PUBLIC_URL", "--public-url", "https://acme.example/?a=b"),
    ("PEARSET_PUBLIC_URL", "--public-url", "https://acme.example/#a"),
    ("PEARSET_PUBLIC_URL", "--public-url", "https://u:hunter2@acme.example/"),
    ("PEARSET_BOOTSTRAP_API_KEY", "--bootstrap-api-key", "pst_hunter2"),
    ("PEARSET_DATABASE_MAX_CONNECTIONS", "--database-max-connections", "0"),
    ("PEARSET_DATABASE_MAX_CONNECTIONS", "--database-max-connections", "many"),
    ("PEARSET_RATE_LIMITS", "--rate-limits", "none"),
    ("PEARSET_RATE_LIMITS", "--rate-limits", "free=0"),
    ("PEARSET_RATE_LIMITS", "--rate-limits", "gold=100"),
    ("PEARSET_MAX_REQUESTS", "--max-requests", "0"),
    ("PEARSET_MAX_REQUESTS", "--max-requests", "many"),
    ("PEARSET_MAX_WAITING_REQUESTS", "--max-waiting-requests", "65536"),
    ("PEARSET_REDIS_URL", "--redis-url", "hunter2"),
    ("PEARSET_REDIS_URL", "--redis-url", "http://u:hunter2@127.0.0.1:6379"),
    ("PEARSET_REDIS_URL", "--redis-url", "redis://u:hunter2@127.0.0.1/nonsense"),
    ("PEARSET_LOG", "--log", "verbose"),
    ("PEARSET_LOG", "--log", "info,loud"),
    ("PEARSET_LOG", "--log", "pearset=loud"),
    ("PEARSET_LOG_FORMAT", "--log-format", "xml"),
    ("PEARSET_SIGNING_KEY", "--signing-key", "hunter2"),
    ("PEARSET_SIGNING_KEY_FILE", "--signing-key-file", "/nonexistent/key.pem"),
    ("PEARSET_SIGNING_KEY_FILE", "--signing-key-file", "file"),
    ("PEARSET_DATA_DIR", "--data-dir", "file"),
    ("PEARSET_DATA_DIR", "--data-dir", "file/below"),
    ("PEARSET_DATA_DIR", "--data-dir", "/proc/none"),
];

/// Returns the command that starts a server on a free port, unless a flag names another port.
fn server(home: &Home) -> Command {
    let mut command = home.pearset();
    command.env("PEARSET_LISTEN", "127.0.0.1:0");
    command
}

#[test]
fn invalid_setting_ends_the_program_with_one_line_that_names_it() {
    let home = Home::new();
    fs::write(home.path().join("file"), "hunter2").unwrap();
    for &(setting, flag, value) in WRONG {
        let by_variable = Process::spawn(server(&home).env(setting, value)).finish();
        let by_flag = Process::spawn(server(&home).args([flag, value])).finish();
        for refusal in [by_variable.refused(), by_flag.refused()] {
            assert!(refusal.starts_with("pearset: ") && refusal.contains(setting), "{value}: {refusal}");
            assert!(!refusal.contains(SECRET), "{refusal}");
            assert!(refusal.len() < 250, "{refusal}");
        }
    }
    let left: Vec<_> = fs::read_dir(home.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["file"], "no database was started");
}

#[test]
fn taken_address_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let home = Home::new();
    let refusal = Process::spawn(home.pearset().args(["--listen", &address])).finish().refused();
    assert!(refusal.contains("PEARSET_LISTEN") && refusal.contains(&address), "{refusal}");
}

#[test]
fn signing_key_and_signing_key_file_exclude_each_other() {
    let home = Home::new();
    let mut command = server(&home);
    let refusal = Process::spawn(command.env("PEARSET_SIGNING_KEY", SECRET).env("PEARSET_SIGNING_KEY_FILE", "file"));
    let refusal = refusal.finish().refused();
    assert!(refusal.contains("PEARSET_SIGNING_KEY>") && refusal.contains("PEARSET_SIGNING_KEY_FILE"), "{refusal}");
    assert!(!refusal.contains(SECRET), "{refusal}");
}

#[test]
fn empty_variable_counts_as_not_set() {
    let home = Home::new();
    let mut command = home.pearset();
    let mut settings: Vec<&str> = WRONG.iter().map(|(setting, ..)| *setting).collect();
    settings.dedup();
    for setting in settings {
        command.env(setting, "");
    }
    let printed = Process::spawn(command.args(["workspace", "list", "--json"])).finish().succeeded();
    assert_eq!(printed, "[]\n");
    assert!(home.path().join(".pearset").exists(), "the data folder is the default one");
}
