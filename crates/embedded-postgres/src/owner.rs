//! The user who runs PostgreSQL when we are root: PostgreSQL refuses to be root itself.

use std::env;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::unistd::{Uid, User};

const SETTING: &str = "PEARSET_PG_USER";
/// The package's own user first; `nobody` is on every machine.
const DEFAULTS: [&str; 2] = ["postgres", "nobody"];

/// An unprivileged user; never root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) uid: u32,
    pub(super) gid: u32,
    /// For messages.
    pub(super) name: String,
}

impl Owner {
    /// The user for a cluster that is yet to be made: `PEARSET_PG_USER`, else `postgres`, else
    /// `nobody`.
    pub(super) fn for_new_cluster() -> Result<Self> {
        if let Some(name) = configured() {
            let owner = Self::by_name(&name)?.with_context(|| format!("{SETTING}: there is no user {name}"))?;
            if owner.uid == 0 {
                bail!("{SETTING} must not be root: PostgreSQL refuses to run as root");
            }
            return Ok(owner);
        }
        for name in DEFAULTS {
            if let Some(owner) = Self::by_name(name)?.filter(|owner| owner.uid != 0) {
                return Ok(owner);
            }
        }
        bail!("PostgreSQL refuses to run as root, and there is no user postgres or nobody: name one in {SETTING}")
    }

    /// The user for a cluster that is there: whoever owns it, since no other could open it. So it
    /// goes on working when a user `postgres` appears later, or when root and its owner take turns.
    pub(super) fn of_cluster(data: &Path, metadata: &Metadata) -> Result<Self> {
        if metadata.uid() == 0 {
            bail!("{0} belongs to root, and PostgreSQL refuses to run as root: chown -R postgres {0}", data.display());
        }
        let owner = Self::from_metadata(metadata);
        if let Some(name) = configured()
            && Self::by_name(&name)?.is_none_or(|configured| configured.uid != owner.uid)
        {
            bail!("{} belongs to {}, but {SETTING} is {name}", data.display(), owner.name);
        }
        Ok(owner)
    }

    pub(super) fn from_metadata(metadata: &Metadata) -> Self {
        Self { uid: metadata.uid(), gid: metadata.gid(), name: user_name(metadata.uid()) }
    }

    fn by_name(name: &str) -> Result<Option<Self>> {
        let user = User::from_name(name).with_context(|| format!("cannot look up the user {name}"))?;
        Ok(user.map(|user| Self { uid: user.uid.as_raw(), gid: user.gid.as_raw(), name: user.name }))
    }

    /// Whether this user may pass through each folder on the way to `path`, and enter or run
    /// `path` itself. What does not exist yet does not count.
    pub(super) fn can_reach(&self, path: &Path) -> bool {
        path.ancestors().all(|part| fs::metadata(part).map_or(true, |metadata| self.may_execute(&metadata)))
    }

    fn may_execute(&self, metadata: &Metadata) -> bool {
        // The kernel looks at the first class that fits, and no further.
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
    env::var(SETTING).ok().filter(|name| !name.is_empty())
}

/// For messages: the name, else the number.
pub(super) fn user_name(uid: u32) -> String {
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
    fn users_are_looked_up_by_name_and_by_number() {
        let root = Owner::by_name("root").expect("the look-up works").expect("root exists");
        assert_eq!((root.uid, user_name(0).as_str()), (0, "root"));
        assert_eq!(Owner::by_name("no-such-user-here").expect("the look-up works"), None);
        assert_eq!(user_name(3_999_999_999), "uid 3999999999");
    }

    #[test]
    fn only_the_first_class_that_fits_counts() {
        let folder = env::temp_dir().join(format!("pearset-owner-{}", std::process::id()));
        fs::create_dir_all(&folder).expect("the temporary folder is writable");
        let metadata = fs::metadata(&folder).expect("it was just made");
        let (uid, gid) = (metadata.uid(), metadata.gid());
        let cases = [
            (0o700, [true, false, false]),
            (0o070, [false, true, false]),
            (0o001, [false, false, true]),
            (0o755, [true, true, true]),
        ];
        for (mode, expected) in cases {
            fs::set_permissions(&folder, fs::Permissions::from_mode(mode)).expect("it is ours");
            let reached = [owner(uid, gid + 1), owner(uid + 1, gid), owner(uid + 1, gid + 1)]
                .map(|owner| owner.can_reach(&folder));
            assert_eq!(reached, expected, "{mode:o}");
        }
        assert!(owner(uid + 1, gid + 1).can_reach(&folder.join("not-there-yet")));
        fs::remove_dir(&folder).expect("it is empty");
    }
}
