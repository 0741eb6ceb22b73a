//! `pearset signing-key`.

use anyhow::bail;
use clap::Subcommand;
use serde_json::json;

use super::output::{Output, print};
use crate::config::Settings;
use crate::db::Db;
use crate::embed_tokens::{self, Keyring, SigningKeySource};
use crate::values::clock::{Clock, SystemClock};

/// `pearset signing-key`
#[derive(Debug, Subcommand)]
pub enum SigningKeyCommand {
    /// Add a key that signs from two minutes on; the old one stays valid until its last token has expired
    Rotate {
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// End the database's keys once a key of your own signs: they stay valid until their last token has expired
    Retire {
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
    /// List the keys
    List {
        /// How the result is printed
        #[command(flatten)]
        output: Output,
    },
}

impl SigningKeyCommand {
    pub(super) async fn run(self, db: &Db, settings: &Settings) -> anyhow::Result<()> {
        match self {
            Self::Rotate { output } => {
                if matches!(settings.signing_key()?, SigningKeySource::Pem(_)) {
                    bail!("the signing key is set by {}: change it there", settings.signing_key_setting());
                }
                let kid = Keyring::rotate(db, SystemClock.now()).await?;
                print(&json!({ "kid": kid }), output.json)
            }
            Self::Retire { output } => {
                if matches!(settings.signing_key()?, SigningKeySource::Database) {
                    bail!("the database's keys sign: set a key of your own first, or use 'signing-key rotate'");
                }
                Keyring::retire_stored(db, SystemClock.now()).await?;
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
