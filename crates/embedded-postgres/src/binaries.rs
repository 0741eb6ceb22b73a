//! Search for the PostgreSQL programs on this machine. The application ships without PostgreSQL.

use std::collections::BTreeMap;
use std::env;
use std::ffi::OsString;
use std::fmt;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::names::{APPLICATION, BIN_VARIABLE, DATA_DIR_SETTING, INSTALL_ADVICE, STATE_DIR};
use crate::owner::Owner;

const MIN_MAJOR: u32 = 15;
/// Places where packages install several versions side by side: a folder, a prefix of the names in the folder, and the
/// path of the programs below each match.
const PACKAGE_FOLDERS: [(&str, &str, &str); 11] = [
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

/// A folder with a usable `initdb` and `postgres`.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Binaries {
    pub(crate) dir: PathBuf,
    pub(crate) major: u32,
}

/// Finds the binaries for a cluster: the binaries of the major version that created the cluster, or, for a new cluster,
/// the first usable binaries.
///
/// # Errors
///
/// Returns one line with advice when no folder has usable binaries.
pub(crate) fn find(created_by: Option<u32>, data: &Path, owner: Option<&Owner>) -> Result<Binaries> {
    Search::from_env().find(created_by, data, owner)
}

/// The places to search. Tests search in folders of their own.
struct Search {
    /// The folder that the operator has set. No other folder is searched.
    explicit: Option<PathBuf>,
    executable: Option<PathBuf>,
    path: Option<OsString>,
    /// Folders with unpacked `@embedded-postgres` packages. The programs are in `*/native/bin`.
    unpacked: Vec<PathBuf>,
    system_root: PathBuf,
}

impl Search {
    fn from_env() -> Self {
        let set = |name: &str| env::var_os(name).filter(|value| !value.is_empty());
        let cache = set("XDG_CACHE_HOME").map(PathBuf::from).filter(|path| path.is_absolute());
        let cache = cache.or_else(|| set("HOME").map(|home| Path::new(&home).join(".cache")));
        let unpacked = cache.map(|cache| cache.join(APPLICATION).join("postgres"));
        Self {
            explicit: set(BIN_VARIABLE).map(PathBuf::from),
            executable: env::current_exe().ok(),
            path: set("PATH"),
            // The user who runs PostgreSQL for root can reach the state folder, but not root's home.
            unpacked: unpacked.into_iter().chain([Path::new(STATE_DIR).join("postgres")]).collect(),
            system_root: "/".into(),
        }
    }

    fn find(&self, created_by: Option<u32>, data: &Path, owner: Option<&Owner>) -> Result<Binaries> {
        let major_of = |dir: &Path| usable_major(dir, created_by, owner);
        if let Some(dir) = &self.explicit {
            return match major_of(dir) {
                Ok(major) => Ok(Binaries { dir: dir.clone(), major }),
                Err(flaw) => bail!("{BIN_VARIABLE}={} cannot be used: {}", dir.display(), flaw.explain(data)),
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
            // The sort is stable: among folders with the newest version, the first folder wins.
            usable.sort_by_key(|binaries| std::cmp::Reverse(binaries.major));
            if let Some(best) = usable.into_iter().next() {
                return Ok(best);
            }
        }

        let found: Vec<String> = flaws.iter().map(|(dir, flaw)| format!("{}: {flaw}", dir.display())).collect();
        let found = if found.is_empty() { String::new() } else { format!(" (found {})", found.join("; ")) };
        match created_by {
            Some(wanted) => bail!(
                "{} was created by PostgreSQL {wanted}, which is not installed{found}: install PostgreSQL {wanted}, \
                 or set another {DATA_DIR_SETTING}",
                data.display()
            ),
            None => bail!("found no usable PostgreSQL {MIN_MAJOR} or newer{found}: {INSTALL_ADVICE}"),
        }
    }

    /// Returns the folders to search, the most preferred tier first. Within a tier, the newest version wins.
    fn tiers(&self) -> Vec<Vec<PathBuf>> {
        let bundled = self.executable.iter().filter_map(|path| Some(path.parent()?.join("pg/bin")));
        let configured = self.pg_config();
        let on_path = self.path.iter().flat_map(env::split_paths).filter_map(|dir| {
            // The target of a link is in the folder with all programs, next to the libraries.
            Some(dir.join("postgres").canonicalize().ok()?.parent()?.to_owned())
        });
        let single = bundled.chain(configured).chain(on_path).map(|dir| vec![dir]);
        let system = PACKAGE_FOLDERS.iter().flat_map(|(folder, prefix, tail)| {
            entries_with_prefix(&self.system_root.join(folder), prefix).into_iter().map(move |dir| join(dir, tail))
        });
        let unpacked =
            self.unpacked.iter().flat_map(|folder| entries_with_prefix(folder, "")).map(|dir| dir.join("native/bin"));
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

/// Returns the entries of a folder whose names have the prefix, sorted by name.
fn entries_with_prefix(folder: &Path, prefix: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let matches = entries.filter(|entry| entry.file_name().to_string_lossy().starts_with(prefix));
    let mut paths: Vec<PathBuf> = matches.map(|entry| entry.path()).collect();
    paths.sort();
    paths
}

/// Joins a path. An empty `tail` adds no slash.
fn join(dir: PathBuf, tail: &str) -> PathBuf {
    if tail.is_empty() { dir } else { dir.join(tail) }
}

/// A reason why a folder cannot be used.
#[derive(Debug, PartialEq, Eq)]
enum Flaw {
    /// The folder has client programs or headers only. Such folders are common.
    NoInitdb,
    Unreachable {
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
    /// Returns the flaw with the path of the cluster, which the short form omits.
    fn explain(&self, data: &Path) -> String {
        match self {
            Self::OtherMajor { found, wanted } => {
                format!("it is PostgreSQL {found}, and {} was created by PostgreSQL {wanted}", data.display())
            }
            other => other.to_string(),
        }
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoInitdb => write!(f, "it has no initdb; name the bin folder of a PostgreSQL server"),
            Self::Unreachable { user } => write!(f, "the user {user}, who runs PostgreSQL for root, cannot reach it"),
            Self::DoesNotRun(reason) => write!(f, "postgres --version does not run: {reason}"),
            Self::TooOld(major) => write!(f, "PostgreSQL {major} is older than {MIN_MAJOR}"),
            Self::OtherMajor { found, .. } => write!(f, "PostgreSQL {found}"),
        }
    }
}

fn usable_major(dir: &Path, created_by: Option<u32>, owner: Option<&Owner>) -> Result<u32, Flaw> {
    if !dir.join("initdb").is_file() {
        return Err(Flaw::NoInitdb);
    }
    let program = dir.join("postgres");
    if let Some(owner) = owner.filter(|owner| !owner.can_reach(&program)) {
        return Err(Flaw::Unreachable { user: owner.name.clone() });
    }
    let found = major_version(&program)?;
    if found < MIN_MAJOR {
        return Err(Flaw::TooOld(found));
    }
    match created_by {
        Some(wanted) if wanted != found => Err(Flaw::OtherMajor { found, wanted }),
        _ => Ok(found),
    }
}

/// Returns the major version that `postgres --version` prints. A run also detects missing libraries and programs for
/// another processor.
fn major_version(program: &Path) -> Result<u32, Flaw> {
    let output = Command::new(program).arg("--version").stdin(Stdio::null()).output();
    let output = output.map_err(|error| Flaw::DoesNotRun(error.to_string()))?;
    let text = String::from_utf8_lossy(&output.stdout);
    match parse_major(&text) {
        Some(major) if output.status.success() => Ok(major),
        _ => {
            let stderr = String::from_utf8_lossy(&output.stderr);
            let reason = stderr.lines().chain(text.lines()).next().map(str::to_owned);
            Err(Flaw::DoesNotRun(reason.unwrap_or_else(|| output.status.to_string())))
        }
    }
}

/// Parses the major version from text such as `postgres (PostgreSQL) 15.13 (Debian 15.13-0+deb12u1)` or `postgres (PostgreSQL) 18beta1`.
fn parse_major(text: &str) -> Option<u32> {
    let (_, version) = text.split_once(") ")?;
    version.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}

#[cfg(test)]
#[path = "binaries_tests.rs"]
mod tests;
