//! Files and folders that only the owner of the cluster may use. What is in the cluster's folder
//! is not root's to trust: root must follow no link there.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use super::owner::{Owner, user_name};

/// Opens a file to read and append, or makes it.
pub(super) fn open(path: &Path, owner: Option<&Owner>) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW.bits();
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    give(&file, owner)?;
    Ok(file)
}

/// Makes a folder, or takes one that is the owner's already. One in `/tmp` could be a trap that
/// somebody else laid.
pub(super) fn folder(path: &Path, owner: Option<&Owner>) -> Result<()> {
    let context = || format!("cannot make {}", path.display());
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).with_context(context),
        _ => {}
    }
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits();
    let folder = OpenOptions::new().read(true).custom_flags(flags).open(path).with_context(context)?;
    let found = folder.metadata()?.uid();
    if found != geteuid().as_raw() && owner.is_none_or(|owner| owner.uid != found) {
        bail!("{} belongs to {}", path.display(), user_name(found));
    }
    folder.set_permissions(Permissions::from_mode(0o700)).with_context(context)?;
    give(&folder, owner).with_context(context)
}

fn give(file: &File, owner: Option<&Owner>) -> io::Result<()> {
    match owner {
        Some(owner) => fchown(file, Some(owner.uid), Some(owner.gid)),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::env;
    use std::fs;
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_private_is_closed_and_no_link() {
        let parent = env::temp_dir().join(format!("pearset-private-{}", std::process::id()));
        folder(&parent, None).expect("the temporary folder is writable");
        folder(&parent, None).expect("it may be there already");
        open(&parent.join("file"), None).expect("the folder is ours");
        let mode = |path: &Path| fs::metadata(path).expect("it was just made").mode() & 0o777;
        assert_eq!((mode(&parent), mode(&parent.join("file"))), (0o700, 0o600));

        let link = parent.join("link");
        symlink(&parent, &link).expect("the folder is ours");
        folder(&link, None).expect_err("a link leads anywhere");
        fs::remove_file(&link).expect("it is ours");
        symlink(parent.join("file"), &link).expect("the folder is ours");
        open(&link, None).expect_err("a link leads anywhere");
        fs::remove_dir_all(&parent).expect("it is ours");
    }
}
