//! Names of the application that appear in messages, in the environment and on disk.

/// The application's name in messages and in folder names.
pub(crate) const APPLICATION: &str = "pearset";
/// The operator's name for [`Settings::data_dir`](crate::Settings::data_dir).
pub(crate) const DATA_DIR_SETTING: &str = "PEARSET_DATA_DIR";
/// The environment variable with the folder of the PostgreSQL programs.
pub(crate) const BIN_VARIABLE: &str = "PEARSET_PG_BIN";
/// The environment variable with the user who runs PostgreSQL when this process runs as root.
pub(crate) const USER_VARIABLE: &str = "PEARSET_PG_USER";
/// The folder for files of root that other users must be able to reach.
pub(crate) const STATE_DIR: &str = "/var/lib/pearset";
/// Advice for an operator without usable PostgreSQL programs.
pub(crate) const INSTALL_ADVICE: &str =
    "run scripts/run, which installs PostgreSQL, or install the package postgresql, or set DATABASE_URL";
