//! Files and folders with access for the owner of the cluster only. The owner controls the folder of the cluster, so a
//! process that runs as root must not follow links in the folder.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt, fchown};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nix::fcntl::OFlag;
use nix::unistd::geteuid;

use crate::owner::{Owner, user_name};

/// Opens a file for reading and appending. Creates a missing file.
pub(crate) fn open(path: &Path, owner: Option<&Owner>) -> io::Result<File> {
    let flags = OFlag::O_NOFOLLOW.bits();
    let mut options = OpenOptions::new();
    let file = options.read(true).append(true).create(true).mode(0o600).custom_flags(flags).open(path)?;
    give_to(&file, owner)?;
    Ok(file)
}

/// Creates a folder, or closes an existing folder to other users. A folder of another user is an error, because any user
/// can prepare a folder in `/tmp`.
pub(crate) fn create_folder(path: &Path, owner: Option<&Owner>) -> Result<()> {
    let context = || format!("cannot create {}", path.display());
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error).with_context(context),
        _ => {}
    }
    let flags = (OFlag::O_NOFOLLOW | OFlag::O_DIRECTORY).bits();
    let folder = OpenOptions::new().read(true).custom_flags(flags).open(path).with_context(context)?;
    let found = folder.metadata()?.uid();
    if found != geteuid().as_raw() && owner.is_none_or(|owner| owner.uid != found) {
        bail!("{} belongs to {}: remove or rename the folder", path.display(), user_name(found));
    }
    folder.set_permissions(Permissions::from_mode(0o700)).with_context(context)?;
    give_to(&folder, owner).with_context(context)
}

fn give_to(file: &File, owner: Option<&Owner>) -> io::Result<()> {
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
    fn private_files_and_folders_are_closed_and_never_links() {
        let parent = env::temp_dir().join(format!("pearset-private-{}", std::process::id()));
        create_folder(&parent, None).expect("the temporary folder is writable");
        create_folder(&parent, None).expect("an existing folder is accepted");
        open(&parent.join("file"), None).expect("the test owns the folder");
        let mode = |path: &Path| fs::metadata(path).expect("the file exists").mode() & 0o777;
        assert_eq!((mode(&parent), mode(&parent.join("file"))), (0o700, 0o600));

        let link = parent.join("link");
        symlink(&parent, &link).expect("the test owns the folder");
        create_folder(&link, None).expect_err("links are rejected");
        fs::remove_file(&link).expect("the test owns the folder");
        symlink(parent.join("file"), &link).expect("the test owns the folder");
        open(&link, None).expect_err("links are rejected");
        fs::remove_dir_all(&parent).expect("the test owns the folder");
    }
}
