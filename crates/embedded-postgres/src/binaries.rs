//! Finds the programs of PostgreSQL. Pearset brings none of its own.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use super::owner::Owner;

const SETTING: &str = "PEARSET_PG_BIN";
const OLDEST_MAJOR: u32 = 15;
const ADVICE: &str = "run scripts/run, which brings one, or install the package postgresql, or set DATABASE_URL";
/// Where packages put several versions side by side: a folder, how the names in it begin, and
/// where the programs are below each.
const SYSTEM: [(&str, &str, &str); 11] = [
    ("usr/lib/postgresql", "", "bin"),
    ("usr", "pgsql-", "bin"),
    ("usr/libexec", "postgresql", ""),
    ("usr/lib", "postgresql", "bin"),
    ("usr/lib64", "postgresql-", "bin"),
    ("opt/homebrew/opt", "postgresql", "bin"),
    ("usr/local/opt", "postgresql", "bin"),
    ("home/linuxbrew/.linuxbrew/opt", "postgresql", "bin"),
    ("Applications/Postgres.app/Contents/Versions", "", "bin"),
    ("Library/PostgreSQL", "", "bin"),
    ("usr/local", "pgsql", "bin"),
];

/// A folder whose `initdb` and `postgres` can be used.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Binaries {
    pub(super) dir: PathBuf,
    pub(super) major: u32,
}

/// The binaries for a cluster: those of the major version that made it, or, for a new one, the
/// first that do.
///
/// # Errors
///
/// One line that says what to do: there are none, or only such as cannot be used.
pub(super) fn find(made_by: Option<u32>, data: &Path, owner: Option<&Owner>) -> Result<Binaries> {
    Search::from_env().find(made_by, data, owner)
}

/// Where to look. A value, so that tests need not touch this machine's folders.
struct Search {
    explicit: Option<PathBuf>,
    executable: Option<PathBuf>,
    path: Option<OsString>,
    /// Folders in which `*/native/bin` is an unpacked `@embedded-postgres` package.
    unpacked: Vec<PathBuf>,
    system_root: PathBuf,
}

impl Search {
    fn from_env() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let cache = set("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = cache.or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")));
        let unpacked = cache.map(|cache| cache.join("pearset/postgres"));
        Self {
            explicit: set(SETTING).map(PathBuf::from),
            executable: env::current_exe().ok(),
            path: set("PATH"),
            // Root's home is closed to the user who runs PostgreSQL for root; this folder is not.
            unpacked: unpacked.into_iter().chain(["/var/lib/pearset/postgres".into()]).collect(),
            system_root: "/".into(),
        }
    }

    fn find(&self, made_by: Option<u32>, data: &Path, owner: Option<&Owner>) -> Result<Binaries> {
        let major_of = |dir: &Path| usable_major(dir, made_by, owner);
        if let Some(dir) = &self.explicit {
            return match major_of(dir) {
                Ok(major) => Ok(Binaries { dir: dir.clone(), major }),
                Err(flaw) => bail!("{SETTING}={} cannot be used: {}", dir.display(), flaw.explain(data)),
            };
        }

        let mut flaws = BTreeMap::new();
        for tier in self.tiers() {
            let mut usable = Vec::new();
            for dir in tier {
                match major_of(&dir) {
                    Ok(major) => usable.push(Binaries { dir, major }),
                    Err(Flaw::NoInitdb) => {}
                    Err(flaw) => _ = flaws.insert(dir, flaw),
                }
            }
            // The first of the newest: a stable sort keeps the order of the folders.
            usable.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
            if let Some(best) = usable.into_iter().next() {
                return Ok(best);
            }
        }

        let found: Vec<String> = flaws.iter().map(|(dir, flaw)| format!("{}: {flaw}", dir.display())).collect();
        let found = if found.is_empty() { String::new() } else { format!(" (found {})", found.join("; ")) };
        match made_by {
            Some(wanted) => bail!(
                "{} was made by PostgreSQL {wanted}, which is not installed{found}: install PostgreSQL {wanted}, \
                 or set another PEARSET_DATA_DIR",
                data.display()
            ),
            None => {
                bail!("no PostgreSQL {OLDEST_MAJOR} or newer that can be used{found}: {ADVICE}")
            }
        }
    }

    /// Folders to look in, the best first. Within a tier, the newest version wins.
    fn tiers(&self) -> Vec<Vec<PathBuf>> {
        let beside = self.executable.iter().filter_map(|path| Some(path.parent()?.join("pg/bin")));
        let configured = self.pg_config();
        let on_path = self.path.iter().flat_map(env::split_paths).filter_map(|dir| {
            // A link leads to the folder with all programs, and with the libraries beside it.
            Some(dir.join("postgres").canonicalize().ok()?.parent()?.to_owned())
        });
        let single = beside.chain(configured).chain(on_path).map(|dir| vec![dir]);
        let system = SYSTEM.iter().flat_map(|(folder, prefix, tail)| {
            versions(&self.system_root.join(folder), prefix).into_iter().map(move |dir| join(dir, tail))
        });
        let unpacked = self.unpacked.iter().flat_map(|folder| versions(folder, "")).map(|dir| dir.join("native/bin"));
        single.chain([system.collect(), unpacked.collect()]).collect()
    }

    fn pg_config(&self) -> Option<PathBuf> {
        let mut command = Command::new("pg_config");
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
        let output = command.arg("--bindir").stdin(Stdio::null()).stderr(Stdio::null()).output().ok()?;
        let dir = PathBuf::from(str::from_utf8(&output.stdout).ok()?.trim());
        (output.status.success() && dir.is_absolute()).then_some(dir)
    }
}

/// The entries of a folder whose names begin so, in the order of their names.
fn versions(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let fits = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let mut paths: Vec<PathBuf> = fits.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Without a slash at the end where there is nothing to add.
fn join(dir: PathBuf, tail: &str) -> PathBuf {
    if tail.is_empty() { dir } else { dir.join(tail) }
}

/// Why a folder cannot be used.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    /// Clients and headers only, as on many machines.
    NoInitdb,
    Closed {
        user: String,
    },
    DoesNotRun(String),
    TooOld(u32),
    OtherMajor {
        found: u32,
        wanted: u32,
    },
}

impl Flaw {
    /// With the cluster, which the short form leaves out.
    fn explain(&self, data: &Path) -> String {
        match self {
            Self::OtherMajor { found, wanted } => {
                format!("it is PostgreSQL {found}, and {} was made by PostgreSQL {wanted}", data.display())
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInitdb => write!(f, "it has no initdb"),
            Self::Closed { user } => write!(f, "the user {user}, who runs PostgreSQL for root, cannot reach it"),
            Self::DoesNotRun(reason) => write!(f, "postgres --version does not run: {reason}"),
            Self::TooOld(major) => write!(f, "PostgreSQL {major} is older than {OLDEST_MAJOR}"),
            Self::OtherMajor { found, .. } => write!(f, "PostgreSQL {found}"),
        }
    }
}

fn usable_major(dir: &Path, made_by: Option<u32>, owner: Option<&Owner>) -> Result<u32, Flaw> {
    if !dir.join("initdb").is_file() {
        return Err(Flaw::NoInitdb);
    }
    let program = dir.join("postgres");
    if let Some(owner) = owner.filter(|owner| !owner.can_reach(&program)) {
        return Err(Flaw::Closed { user: owner.name.clone() });
    }
    let found = major_version(&program)?;
    if found < OLDEST_MAJOR {
        return Err(Flaw::TooOld(found));
    }
    match made_by {
        Some(wanted) if wanted != found => Err(Flaw::OtherMajor { found, wanted }),
        _ => Ok(found),
    }
}

/// Runs it, because that finds missing libraries and programs for another processor too.
fn major_version(program: &Path) -> Result<u32, Flaw> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| Flaw::DoesNotRun(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse_major(&text) {
        Some(major) if output.status.success() => Ok(major),
        _ => {
            let complaint = String::from_utf8_lossy(&output.stderr);
            let reason = complaint.lines().chain(text.lines()).next().map(str::to_owned);
            Err(Flaw::DoesNotRun(reason.unwrap_or_else(|| output.status.to_string())))
        }
    }
}

/// From `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` or `postgres (PostgreSQL) 18beta1`.
fn parse_major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(") ")?;
    version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
#[path = "binaries_tests.rs"]
mod tests;
