//! The options of the command line.

use std::path::PathBuf;
use std::time::Duration;

use clap::Parser;

/// Breaks a server, its database and the network between them under load, and checks every promise
#[derive(Debug, Parser)]
#[command(name = "scripts/chaos")]
pub(crate) struct Options {
    /// The seed of the schedule: the same seed makes the same faults in the same order
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,

    /// Make as many faults as the reliability figures require, instead of a few of each kind
    #[arg(long)]
    pub(crate) long: bool,

    /// Continue with more faults until this many minutes are over
    #[arg(long, default_value_t = 0)]
    pub(crate) minutes: u64,

    /// The number of concurrent clients
    #[arg(long, default_value_t = 32)]
    pub(crate) clients: usize,

    /// The number of short histories to check against the enrollment rule
    #[arg(long)]
    pub(crate) histories: Option<usize>,

    /// The path of the server's binary
    #[arg(long)]
    pub(crate) server: PathBuf,
}

/// The number of faults of each kind, and of histories.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Counts {
    pub(crate) server_kills: usize,
    pub(crate) database_kills: usize,
    pub(crate) freezes: usize,
    /// The number of each kind of network fault.
    pub(crate) network: usize,
    pub(crate) terminations: usize,
    /// Waves of [`super::faults::CLIENTS_PER_WAVE`] clients.
    pub(crate) waves: usize,
    pub(crate) histories: usize,
}

const SHORT: Counts =
    Counts { server_kills: 4, database_kills: 2, freezes: 1, network: 1, terminations: 2, waves: 1, histories: 500 };
const LONG: Counts = Counts {
    server_kills: 200,
    database_kills: 50,
    freezes: 20,
    network: 29,
    terminations: 20,
    waves: 40,
    histories: 5_000,
};

impl Options {
    pub(crate) fn counts(&self) -> Counts {
        let counts = if self.long { LONG } else { SHORT };
        Counts { histories: self.histories.unwrap_or(counts.histories), ..counts }
    }

    pub(crate) fn time(&self) -> Duration {
        Duration::from_mins(self.minutes)
    }
}
