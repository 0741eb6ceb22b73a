//! The user who runs PostgreSQL when this process runs as root. PostgreSQL refuses to run as root.

use std::env;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

use crate::names::USER_VARIABLE;

/// The default users. Packages of PostgreSQL create the user `postgres`; every machine has the user `nobody`.
const DEFAULTS: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged user, never root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) uid: u32,
    pub(crate) gid: u32,
    /// The name in messages.
    pub(crate) name: String,
}

impl Owner {
    /// Returns the user for a new cluster: the user in [`USER_VARIABLE`], otherwise `postgres`, otherwise `nobody`.
    pub(crate) fn for_new_cluster() -> Result<Self> {
        if let Some(name) = configured() {
            let owner =
                Self::by_name(&name)?.with_context(|| format!("{USER_VARIABLE}: the user {name} does not exist"))?;
            if owner.uid == 0 {
                bail!("{USER_VARIABLE} must not be root: PostgreSQL refuses to run as root");
            }
            return Ok(owner);
        }
        for name in DEFAULTS {
            if let Some(owner) = Self::by_name(name)?.filter(|owner| owner.uid != 0) {
                return Ok(owner);
            }
        }
        bail!("PostgreSQL refuses to run as root, and no user postgres or nobody exists: set {USER_VARIABLE} to a user")
    }

    /// Returns the user for an existing cluster: the owner, because no other user can open the cluster. The cluster
    /// therefore keeps working when a user `postgres` is added later, or when root and the owner alternate.
    pub(crate) fn of_cluster(data: &Path, metadata: &Metadata) -> Result<Self> {
        if metadata.uid() == 0 {
            bail!("{0} belongs to root, and PostgreSQL refuses to run as root: chown -R postgres {0}", data.display());
        }
        let owner = Self::from_metadata(metadata);
        if let Some(name) = configured()
            && Self::by_name(&name)?.is_none_or(|configured| configured.uid != owner.uid)
        {
            bail!(
                "{0} belongs to {1}, but {USER_VARIABLE} is {name}: set {USER_VARIABLE} to {1}, or give {0} to {name}",
                data.display(),
                owner.name
            );
        }
        Ok(owner)
    }

    pub(crate) fn from_metadata(metadata: &Metadata) -> Self {
        Self { uid: metadata.uid(), gid: metadata.gid(), name: user_name(metadata.uid()) }
    }

    fn by_name(name: &str) -> Result<Option<Self>> {
        let user = User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?;
        Ok(user.map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name }))
    }

    /// Returns whether this user may traverse each parent folder of `path`, and enter or run `path`. Missing files and
    /// folders are ignored.
    pub(crate) fn can_reach(&self, path: &Path) -> bool {
        path.ancestors().all(|part| fs::metadata(part).map_or(true, |metadata| self.may_execute(&metadata)))
    }

    fn may_execute(&self, metadata: &Metadata) -> bool {
        // The kernel checks only the first class that matches the user.
        let bit = if metadata.uid() == self.uid {
            0o100
        } else if metadata.gid() == self.gid {
            0o010
        } else {
            0o001
        };
        metadata.mode() & bit != 0
    }
}

fn configured() -> Option<String> {
    env::var(USER_VARIABLE).ok().filter(|name| !name.is_empty())
}

/// Returns the name of a user for messages, or the number when the user has no name.
pub(crate) fn user_name(uid: u32) -> String {
    let user = User::from_uid(Uid::from_raw(uid)).ok().flatten();
    user.map_or_else(|| format!("uid {uid}"), |user| user.name)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    fn owner(uid: u32, gid: u32) -> Owner {
        Owner { uid, gid, name: "test".to_owned() }
    }

    #[test]
    fn users_are_found_by_name_and_by_number() {
        let root = Owner::by_name("root").expect("the look-up works").expect("root exists");
        assert_eq!((root.uid, user_name(0).as_str()), (0, "root"));
        assert_eq!(Owner::by_name("no-such-user-here").expect("the look-up works"), None);
        assert_eq!(user_name(3_999_999_999), "uid 3999999999");
    }

    #[test]
    fn only_the_first_matching_class_counts() {
        let folder = env::temp_dir().join(format!("pearset-owner-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let metadata = fs::metadata(&folder).expect("the folder exists");
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let cases = [
            (0o700, [true, false, false]),
            (0o070, [false, true, false]),
            (0o001, [false, false, true]),
            (0o755, [true, true, true]),
        ];
        for (mode, expected) in cases {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("the test owns the folder");
            let reached = [owner(uid, gid + 1), owner(uid + 1, gid), owner(uid + 1, gid + 1)]
                .map(|owner| owner.can_reach(&folder));
            assert_eq!(reached, expected, "{mode:o}");
        }
        assert!(owner(uid + 1, gid + 1).can_reach(&folder.join("not-there-yet")));
        fs::remove_dir(&folder).expect("the folder is empty");
    }
}
