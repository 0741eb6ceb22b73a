use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

/// A simulated machine: a folder with scripts in place of the PostgreSQL programs.
struct Machine {
    root: PathBuf,
    search: Search,
}

impl Machine {
    fn new(name: &str) -> Self {
        let root = env::temp_dir().join(format!("pearset-binaries-{name}-{}", std::process::id()));
        fs::create_dir_all(root.join("path")).expect("the temporary folder is writable");
        let root = root.canonicalize().expect("the folder exists");
        let search = Search {
            explicit: None,
            executable: Some(root.join("app/pearset")),
            path: Some(root.join("path").into()),
            unpacked: vec![root.join("cache")],
            system_root: root.clone(),
        };
        Self { root, search }
    }

    /// Writes a script with the given body in place of a program.
    fn write_program(&self, path: &str, body: &str) -> PathBuf {
        let path = self.root.join(path);
        fs::create_dir_all(path.parent().expect("the path is below the root"))
            .expect("the temporary folder is writable");
        // Another process writes the file. A test that forks now would inherit a file descriptor of this process, and a
        // program that is open for writing cannot be run.
        let script = "printf '#!/bin/sh\\n%s\\n' \"$1\" > \"$0\" && chmod 755 \"$0\"";
        let status = Command::new("sh").args(["-c", script]).arg(&path).arg(body).status();
        assert!(status.expect("the machine has a shell").success(), "cannot write {}", path.display());
        path
    }

    fn install(&self, dir: &str, version: &str) -> PathBuf {
        self.write_program(&format!("{dir}/initdb"), "exit 1");
        self.write_program(&format!("{dir}/postgres"), &format!("echo 'postgres (PostgreSQL) {version}'"));
        self.root.join(dir)
    }

    fn found(&self, created_by: Option<u32>) -> (PathBuf, u32) {
        let binaries = self.search.find(created_by, Path::new("/data"), None).expect("the machine has binaries");
        (binaries.dir, binaries.major)
    }

    fn error(&self, created_by: Option<u32>) -> String {
        self.search.find(created_by, Path::new("/data"), None).expect_err("no folder is usable").to_string()
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
    }
}

#[test]
fn major_versions_are_parsed() {
    let cases = [
        ("postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)", Some(15)),
        ("postgres (PostgreSQL) 18beta1", Some(18)),
        ("postgres (PostgreSQL) 16.4\n", Some(16)),
        ("postgres (PostgreSQL) 9.6.24", Some(9)),
        ("postgres 15", None),
        ("postgres (PostgreSQL) devel", None),
        ("", None),
    ];
    for (text, expected) in cases {
        assert_eq!(parse_major(text), expected, "{text:?}");
    }
}

#[test]
fn folders_are_searched_in_the_documented_order() {
    let machine = Machine::new("order");
    // The installs go from the least to the most preferred folder: each install hides the previous installs.
    let unpacked = machine.install("cache/linux-x64/native/bin", "18.4");
    assert_eq!(machine.found(None), (unpacked, 18));
    let installed = machine.install("usr/lib/postgresql/16/bin", "16.1");
    assert_eq!(machine.found(None), (installed, 16));
    let linked = machine.install("opt/somewhere/bin", "17.2");
    symlink(linked.join("postgres"), machine.root.join("path/postgres")).expect("the temporary folder is writable");
    assert_eq!(machine.found(None), (linked, 17));
    let configured = machine.install("configured/bin", "15.3");
    machine.write_program("path/pg_config", &format!("echo {}", configured.display()));
    assert_eq!(machine.found(None), (configured, 15));
    let bundled = machine.install("app/pg/bin", "15.1");
    assert_eq!(machine.found(None), (bundled, 15));
}

#[test]
fn newest_packaged_version_wins() {
    let machine = Machine::new("newest");
    machine.install("usr/lib/postgresql/9.6/bin", "9.6.24");
    machine.install("usr/lib/postgresql/16/bin", "16.1");
    let newest = machine.install("usr/libexec/postgresql18", "18.0");
    machine.install("opt/homebrew/opt/postgresql@17/bin", "17.0");
    assert_eq!(machine.found(None), (newest, 18));
}

#[test]
fn cluster_gets_the_version_that_created_it() {
    let machine = Machine::new("created-by");
    machine.install("app/pg/bin", "18.1");
    let older = machine.install("usr/lib/postgresql/16/bin", "16.1");
    assert_eq!(machine.found(Some(16)), (older, 16));
    let error = machine.error(Some(17));
    assert!(error.starts_with("/data was created by PostgreSQL 17, which is not installed (found "), "{error}");
    assert!(error.contains("PostgreSQL 16") && error.contains("PostgreSQL 18"), "{error}");
}

#[test]
fn folder_is_skipped_unless_its_programs_run() {
    let machine = Machine::new("works");
    let dir = "usr/lib/postgresql/17/bin";
    machine.write_program(&format!("{dir}/postgres"), "echo 'postgres (PostgreSQL) 17.1'");
    let error = machine.error(None);
    assert_eq!(error, format!("found no usable PostgreSQL 15 or newer: {INSTALL_ADVICE}"));

    machine.install(dir, "17.1");
    machine.write_program(&format!("{dir}/postgres"), "echo 'libicu.so.60: not found' >&2; exit 127");
    assert!(machine.error(None).contains("17/bin: postgres --version does not run: libicu.so.60: not found"));

    machine.install(dir, "14.9");
    assert!(machine.error(None).contains("17/bin: PostgreSQL 14 is older than 15"));
}

#[test]
fn explicit_folder_is_the_only_folder_searched() {
    let mut machine = Machine::new("explicit");
    machine.install("usr/lib/postgresql/17/bin", "17.1");
    let explicit = machine.install("explicit", "16.2");
    machine.search.explicit = Some(explicit.clone());
    assert_eq!(machine.found(None), (explicit.clone(), 16));
    let error = machine.error(Some(17));
    assert_eq!(
        error,
        format!(
            "PEARSET_PG_BIN={} cannot be used: it is PostgreSQL 16, and /data was created by PostgreSQL 17",
            explicit.display()
        )
    );
    machine.search.explicit = Some("/nowhere".into());
    assert_eq!(
        machine.error(None),
        "PEARSET_PG_BIN=/nowhere cannot be used: it has no initdb; name the bin folder of a PostgreSQL server"
    );
}

#[test]
fn folder_that_the_owner_cannot_reach_is_skipped() {
    let machine = Machine::new("unreachable");
    let dir = machine.install("usr/lib/postgresql/17/bin", "17.1");
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o700)).expect("the test owns the folder");
    let stranger = Owner { uid: 3_999_999_999, gid: 3_999_999_999, name: "stranger".to_owned() };
    let error = machine.search.find(None, Path::new("/data"), Some(&stranger)).expect_err("the folder is unreachable");
    assert!(error.to_string().contains("the user stranger, who runs PostgreSQL for root, cannot reach it"), "{error}");
}
