//! `pearset signing-key`.

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::output::{Output, print};
use crate::config::Settings;
use crate::db::Db;
use crate::embed_tokens::{self, Keyring, SigningKeySource};
use crate::work::Executor;

/// `pearset signing-key`
#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// Add a key that signs after two minutes; the old key stays valid until the last token of that key has expired
    Rotate {
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// Retire the keys in the database after you have set a key of your own; each stays valid until the last token of that key has expired
    Retire {
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
    /// List the keys
    List {
        /// The format of the result
        #[command(flatten)]
        output: Output,
    },
}

impl SigningKeyCommand {
    pub(super) async fn run(self, executor: &Executor, settings: &Settings) -> anyhow::Result<()> {
        let (db, now) = (executor.db(), executor.now());
        match self {
            Self::Rotate { output } => {
                if matches!(settings.signing_key()?, SigningKeySource::Pem(_)) {
                    bail!("the signing key is set by {}: change it there", settings.signing_key_setting());
                }
                let kid = Keyring::rotate(db, now).await?;
                print(&json!({ "kid": kid }), output.json)
            }
            Self::Retire { output } => {
                if matches!(settings.signing_key()?, SigningKeySource::Database) {
                    bail!("the keys in the database sign: set a key of your own first, or use 'signing-key rotate'");
                }
                Keyring::retire_stored(db, now).await?;
                print_keys(db, output.json).await
            }
            Self::List { output } => print_keys(db, output.json).await,
        }
    }
}

async fn print_keys(db: &Db, json: bool) -> anyhow::Result<()> {
    let all = db.global().read("list_signing_keys", |conn| Box::pin(embed_tokens::list_signing_keys(conn))).await?;
    print(&all, json)
}
