//! Where the cluster lives and who owns it.
//!
//! `<root>/` holds `data/` (the cluster), `socket/`, `lock` and `postgres.log`.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use super::owner::{Owner, user_name};
use super::private;

/// Clients find a socket by its port; without TCP its number means nothing.
pub(super) const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// In bytes, with the closing zero: 104 on macOS and the BSDs, 108 on Linux.
const LONGEST_SOCKET_PATH: usize = 104;
/// Where clusters go that could not be reached in their place.
const RELOCATED: &str = "/var/lib/pearset";

/// The folders and files of one cluster.
#[derive(Debug)]
pub(super) struct Layout {
    root: PathBuf,
    /// Set when we are root: the user who runs PostgreSQL and owns the folder.
    owner: Option<Owner>,
    /// Not in the data directory, which the owner cannot reach.
    relocated: bool,
}

impl Layout {
    /// The layout for a data directory, without making anything; `None` when the directory is
    /// not there.
    pub(super) fn locate(data_dir: &Path) -> Result<Option<Self>> {
        let parent = match data_dir.canonicalize() {
            Ok(parent) => parent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("PEARSET_DATA_DIR: cannot open {}", data_dir.display()));
            }
        };
        // The folder may be a link to another disk.
        let in_place = parent.join("pg");
        let in_place = in_place.canonicalize().unwrap_or(in_place);
        if geteuid().is_root() {
            Self::locate_as_root(in_place).map(Some)
        } else {
            Self::locate_as_user(in_place).map(Some)
        }
    }

    fn locate_as_user(root: PathBuf) -> Result<Self> {
        if let Ok(metadata) = fs::metadata(&root)
            && metadata.uid() != geteuid().as_raw()
        {
            let owner = user_name(metadata.uid());
            bail!("{} belongs to {owner}: run as that user or root, or set another PEARSET_DATA_DIR", root.display());
        }
        Ok(Self { root, owner: None, relocated: false })
    }

    /// A cluster that is there stays where it is. A new one goes where its owner can reach it: not
    /// below a closed home, as in a checkout under `/root`.
    fn locate_as_root(in_place: PathBuf) -> Result<Self> {
        let relocated = Path::new(RELOCATED).join(format!("{:016x}", path_hash(&in_place)));
        for (root, is_relocated) in [(&in_place, false), (&relocated, true)] {
            let data = root.join("data");
            if let Ok(metadata) = fs::metadata(&data) {
                let owner = Owner::of_cluster(&data, &metadata)?;
                if !owner.can_reach(root) {
                    bail!(
                        "the user {}, who owns {}, cannot reach it: open the folders above it",
                        owner.name,
                        data.display()
                    );
                }
                return Ok(Self { root: root.clone(), owner: Some(owner), relocated: is_relocated });
            }
        }
        let owner = match fs::metadata(&in_place) {
            // Without a cluster yet, but somebody's: leave it theirs.
            Ok(metadata) if metadata.uid() != 0 => Owner::of_cluster(&in_place, &metadata)?,
            _ => Owner::for_new_cluster()?,
        };
        let reachable = in_place.parent().is_some_and(|parent| owner.can_reach(parent));
        let root = if reachable { in_place } else { relocated };
        Ok(Self { root, owner: Some(owner), relocated: !reachable })
    }

    /// The layout for a data directory, with its root folder made.
    pub(super) fn prepare(data_dir: &Path) -> Result<Self> {
        fs::create_dir_all(data_dir)
            .with_context(|| format!("PEARSET_DATA_DIR: cannot make {}", data_dir.display()))?;
        let layout = Self::locate(data_dir)?.with_context(|| format!("{} vanished", data_dir.display()))?;
        if layout.relocated {
            make_relocated(layout.owner())?;
        }
        private::folder(&layout.root, layout.owner()).context("PEARSET_DATA_DIR")?;
        Ok(layout)
    }

    /// Says so when the cluster is not where the operator would look for it.
    pub(super) fn explain_place(&self, data_dir: &Path) {
        if self.relocated {
            tracing::warn!(
                folder = %self.root.display(),
                "running as root, and PostgreSQL's user cannot reach {}: the database lives in another folder",
                data_dir.display(),
            );
        }
    }

    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    pub(super) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(super) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// The major version of PostgreSQL that made the cluster; `None` when there is no cluster.
    pub(super) fn major_version(&self) -> Result<Option<u32>> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let major = text.trim().parse();
                major.map(Some).with_context(|| format!("{} holds no version of PostgreSQL", path.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Makes the folder of the socket. In it, nothing is left of a server that was killed: its lock
    /// file would block the next one once its pid is another's. We hold the lock, so none runs.
    pub(super) fn prepare_socket_dir(&self) -> Result<PathBuf> {
        let uid = self.owner.as_ref().map_or_else(|| geteuid().as_raw(), |owner| owner.uid);
        let dir = socket_dir(&self.root, uid);
        private::folder(&dir, self.owner())?;
        for name in [SOCKET_NAME.to_owned(), format!("{SOCKET_NAME}.lock")] {
            match fs::remove_file(dir.join(&name)) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => {
                    return Err(error).with_context(|| format!("cannot remove {name} from {}", dir.display()));
                }
                _ => {}
            }
        }
        Ok(dir)
    }
}

/// Makes the folder for relocated clusters. One that is there and closed is left closed.
fn make_relocated(owner: Option<&Owner>) -> Result<()> {
    let folder = Path::new(RELOCATED);
    if !folder.exists() {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {RELOCATED}"))?;
        // Whatever the umask is.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    match owner {
        Some(owner) if !owner.can_reach(folder) => {
            bail!("the user {} cannot reach {RELOCATED}: open it, or set another PEARSET_DATA_DIR", owner.name)
        }
        _ => Ok(()),
    }
}

/// In the root folder, or, where that makes the socket's path too long, in the folder where
/// PostgreSQL clients look by default.
fn socket_dir(root: &Path, uid: u32) -> PathBuf {
    let dir = root.join("socket");
    if dir.join(SOCKET_NAME).as_os_str().len() < LONGEST_SOCKET_PATH {
        return dir;
    }
    PathBuf::from(format!("/tmp/pearset-{uid}-{:016x}", path_hash(root)))
}

/// FNV-1a: the same in every version of Rust, as the name of a folder must be.
fn path_hash(path: &Path) -> u64 {
    let bytes = path.as_os_str().as_bytes();
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3))
}

#[cfg(test)]
mod tests {
    use std::env;

    use super::*;

    fn folder(name: &str) -> PathBuf {
        let path = env::temp_dir().join(format!("pearset-layout-{name}-{}", std::process::id()));
        fs::create_dir_all(&path).expect("the temporary folder is writable");
        path
    }

    #[test]
    fn the_hash_of_a_path_never_changes() {
        assert_eq!(path_hash(Path::new("")), 0xcbf2_9ce4_8422_2325);
        assert_eq!(path_hash(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(path_hash(Path::new("/root/a/pg")), path_hash(Path::new("/root/b/pg")));
    }

    #[test]
    fn a_socket_moves_when_its_path_is_too_long() {
        let longest = format!("/{}", "x".repeat(LONGEST_SOCKET_PATH - "//socket/".len() - SOCKET_NAME.len() - 1));
        let dir = socket_dir(Path::new(&longest), 7);
        assert_eq!(dir, Path::new(&longest).join("socket"));
        assert_eq!(dir.join(SOCKET_NAME).as_os_str().len(), LONGEST_SOCKET_PATH - 1);

        let moved = socket_dir(Path::new(&format!("{longest}x")), 7);
        assert!(moved.to_string_lossy().starts_with("/tmp/pearset-7-"), "{}", moved.display());
    }

    #[test]
    fn nothing_is_made_by_looking() {
        let parent = folder("looking");
        assert!(Layout::locate(&parent.join("missing")).expect("that is no fault").is_none());
        Layout::locate(&parent).expect("that is no fault").expect("the directory exists");
        fs::remove_dir(&parent).expect("it is still empty");
    }

    #[test]
    fn the_version_is_that_of_the_cluster() {
        let parent = folder("version");
        let layout = Layout { root: parent.clone(), owner: None, relocated: false };
        assert_eq!(layout.major_version().expect("no cluster is no fault"), None);
        fs::create_dir_all(layout.data()).expect("the temporary folder is writable");
        fs::write(layout.data().join("PG_VERSION"), "15\n").expect("the temporary folder is writable");
        assert_eq!(layout.major_version().expect("it can be read"), Some(15));
        fs::write(layout.data().join("PG_VERSION"), "x").expect("the temporary folder is writable");
        layout.major_version().expect_err("that is no version");
        fs::remove_dir_all(&parent).expect("it is ours");
    }
}
