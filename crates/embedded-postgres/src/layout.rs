//! The location and the owner of a cluster.
//!
//! `<root>/` contains `data/` (the cluster), `socket/`, `lock`, `turn` and `postgres.log`.

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nix::unistd::geteuid;

use crate::names::{APPLICATION, DATA_DIR_SETTING, STATE_DIR};
use crate::owner::{Owner, user_name};
use crate::private;

/// The name of the socket. Clients derive the name from the port, which has no other meaning without TCP.
pub(crate) const SOCKET_NAME: &str = ".s.PGSQL.5432";
/// The maximum length of a socket path in bytes, including the final zero: 104 on macOS and the BSDs, 108 on Linux.
const MAX_SOCKET_PATH: usize = 104;

/// The folders and files of one cluster.
#[derive(Debug)]
pub(crate) struct Layout {
    root: PathBuf,
    /// The user who runs PostgreSQL and owns the folder. `None` unless this process runs as root.
    owner: Option<Owner>,
    /// True if the cluster is in [`STATE_DIR`], because the owner cannot reach the data directory.
    relocated: bool,
}

impl Layout {
    /// Returns the layout for a data directory, or `None` when the directory does not exist. Creates no file or folder.
    pub(crate) fn locate(data_dir: &Path) -> Result<Option<Self>> {
        let parent = match data_dir.canonicalize() {
            Ok(parent) => parent,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => {
                return Err(error).with_context(|| format!("{DATA_DIR_SETTING}: cannot open {}", data_dir.display()));
            }
        };
        // The folder can be a link to another disk.
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
            bail!(
                "{} belongs to {owner}: run as that user or as root, or set another {DATA_DIR_SETTING}",
                root.display()
            );
        }
        Ok(Self { root, owner: None, relocated: false })
    }

    /// Returns the layout for root. An existing cluster stays in place. A new cluster is placed where the owner can reach
    /// the folder, which excludes a checkout below the closed folder `/root`.
    fn locate_as_root(in_place: PathBuf) -> Result<Self> {
        let relocated = Path::new(STATE_DIR).join(format!("{:016x}", path_hash(&in_place)));
        for (root, is_relocated) in [(&in_place, false), (&relocated, true)] {
            let data = root.join("data");
            if let Ok(metadata) = fs::metadata(&data) {
                let owner = Owner::of_cluster(&data, &metadata)?;
                if !owner.can_reach(root) {
                    bail!(
                        "the user {0} owns {1} but cannot reach {1}: give {0} execute permission on the parent folders",
                        owner.name,
                        data.display()
                    );
                }
                return Ok(Self { root: root.clone(), owner: Some(owner), relocated: is_relocated });
            }
        }
        let owner = match fs::metadata(&in_place) {
            // The folder has no cluster but has an owner: the owner keeps the folder.
            Ok(metadata) if metadata.uid() != 0 => Owner::of_cluster(&in_place, &metadata)?,
            _ => Owner::for_new_cluster()?,
        };
        let reachable = in_place.parent().is_some_and(|parent| owner.can_reach(parent));
        let root = if reachable { in_place } else { relocated };
        Ok(Self { root, owner: Some(owner), relocated: !reachable })
    }

    /// Returns the layout for a data directory and creates the root folder.
    pub(crate) fn prepare(data_dir: &Path) -> Result<Self> {
        fs::create_dir_all(data_dir)
            .with_context(|| format!("{DATA_DIR_SETTING}: cannot create {}", data_dir.display()))?;
        let layout = Self::locate(data_dir)?.with_context(|| format!("{} vanished", data_dir.display()))?;
        if layout.relocated {
            create_state_dir(layout.owner())?;
        }
        private::create_folder(&layout.root, layout.owner()).context(DATA_DIR_SETTING)?;
        Ok(layout)
    }

    /// Warns when the cluster is not below the data directory, where an operator would look.
    pub(crate) fn warn_if_relocated(&self, data_dir: &Path) {
        if self.relocated {
            tracing::warn!(
                folder = %self.root.display(),
                "running as root, and the user who runs PostgreSQL cannot reach {}: the database is in another folder",
                data_dir.display(),
            );
        }
    }

    pub(crate) fn root(&self) -> &Path {
        &self.root
    }

    pub(crate) fn data(&self) -> PathBuf {
        self.root.join("data")
    }

    pub(crate) fn owner(&self) -> Option<&Owner> {
        self.owner.as_ref()
    }

    /// Returns the major version of the PostgreSQL that created the cluster, or `None` without a cluster.
    pub(crate) fn major_version(&self) -> Result<Option<u32>> {
        let path = self.data().join("PG_VERSION");
        match fs::read_to_string(&path) {
            Ok(text) => {
                let major = text.trim().parse();
                major.map(Some).with_context(|| format!("{} contains no PostgreSQL version", path.display()))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }

    /// Creates the folder of the socket and removes the files of a killed server. The lock file of a killed server would
    /// block the next server once another process has the same process id. No server runs, because the caller holds the
    /// lock of the cluster.
    pub(crate) fn prepare_socket_dir(&self) -> Result<PathBuf> {
        let uid = self.owner.as_ref().map_or_else(|| geteuid().as_raw(), |owner| owner.uid);
        let dir = socket_dir(&self.root, uid);
        private::create_folder(&dir, self.owner())?;
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

/// Creates [`STATE_DIR`] for relocated clusters. The permissions of an existing folder are not changed.
fn create_state_dir(owner: Option<&Owner>) -> Result<()> {
    let folder = Path::new(STATE_DIR);
    if !folder.exists() {
        fs::create_dir_all(folder).with_context(|| format!("cannot create {STATE_DIR}"))?;
        // The umask may have removed permissions.
        fs::set_permissions(folder, Permissions::from_mode(0o755))?;
    }
    match owner {
        Some(owner) if !owner.can_reach(folder) => {
            bail!(
                "the user {0} cannot reach {STATE_DIR}: give {0} execute permission on the folder, \
                 or set another {DATA_DIR_SETTING}",
                owner.name
            )
        }
        _ => Ok(()),
    }
}

/// Returns the folder of the socket: in the root folder, or in `/tmp` when the path of the socket would be too long.
/// PostgreSQL clients search `/tmp` by default.
fn socket_dir(root: &Path, uid: u32) -> PathBuf {
    let dir = root.join("socket");
    if dir.join(SOCKET_NAME).as_os_str().len() < MAX_SOCKET_PATH {
        return dir;
    }
    PathBuf::from(format!("/tmp/{APPLICATION}-{uid}-{:016x}", path_hash(root)))
}

/// Returns the FNV-1a hash of a path. The hash names folders, so the hash must be the same in every version of Rust.
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
    fn hash_of_a_path_never_changes() {
        assert_eq!(path_hash(Path::new("")), 0xcbf2_9ce4_8422_2325);
        assert_eq!(path_hash(Path::new("a")), 0xaf63_dc4c_8601_ec8c);
        assert_ne!(path_hash(Path::new("/root/a/pg")), path_hash(Path::new("/root/b/pg")));
    }

    #[test]
    fn socket_moves_to_tmp_when_its_path_is_too_long() {
        let longest = format!("/{}", "x".repeat(MAX_SOCKET_PATH - "//socket/".len() - SOCKET_NAME.len() - 1));
        let dir = socket_dir(Path::new(&longest), 7);
        assert_eq!(dir, Path::new(&longest).join("socket"));
        assert_eq!(dir.join(SOCKET_NAME).as_os_str().len(), MAX_SOCKET_PATH - 1);

        let moved = socket_dir(Path::new(&format!("{longest}x")), 7);
        assert!(moved.to_string_lossy().starts_with("/tmp/pearset-7-"), "{}", moved.display());
    }

    #[test]
    fn locate_creates_nothing() {
        let parent = folder("locate");
        assert!(Layout::locate(&parent.join("missing")).expect("a missing directory is not an error").is_none());
        Layout::locate(&parent).expect("the directory is readable").expect("the directory exists");
        fs::remove_dir(&parent).expect("the directory is empty");
    }

    #[test]
    fn major_version_is_read_from_the_cluster() {
        let parent = folder("version");
        let layout = Layout { root: parent.clone(), owner: None, relocated: false };
        assert_eq!(layout.major_version().expect("a missing cluster is not an error"), None);
        fs::create_dir_all(layout.data()).expect("the temporary folder is writable");
        fs::write(layout.data().join("PG_VERSION"), "15\n").expect("the temporary folder is writable");
        assert_eq!(layout.major_version().expect("the version is readable"), Some(15));
        fs::write(layout.data().join("PG_VERSION"), "x").expect("the temporary folder is writable");
        layout.major_version().expect_err("the file contains no version");
        fs::remove_dir_all(&parent).expect("the test owns the folder");
    }
}
