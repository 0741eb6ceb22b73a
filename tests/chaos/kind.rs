//! The kinds of faults.

use std::time::Duration;

use rand::RngExt;
use rand::rngs::StdRng;

use super::fault_proxy::Fault;
use super::options::Counts;

/// A kind of fault, named after the part that breaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Start,
    KillServer,
    KillDatabase,
    KillSession,
    Freeze,
    Delay,
    Reset,
    Refuse,
    BlackHole,
    DeafServer,
    DeafClient,
    Forgotten,
    CutBeforeCommit,
    CutAfterCommit,
    Terminate,
    LeavingClients,
}

impl Kind {
    pub(crate) const ALL: [Self; 16] = [
        Self::Start,
        Self::KillServer,
        Self::KillDatabase,
        Self::KillSession,
        Self::Freeze,
        Self::Delay,
        Self::Reset,
        Self::Refuse,
        Self::BlackHole,
        Self::DeafServer,
        Self::DeafClient,
        Self::Forgotten,
        Self::CutBeforeCommit,
        Self::CutAfterCommit,
        Self::Terminate,
        Self::LeavingClients,
    ];

    pub(crate) fn number(self) -> usize {
        self as usize
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Start => "(before the first)",
            Self::KillServer => "kill -9 of the server",
            Self::KillDatabase => "kill -9 of PostgreSQL",
            Self::KillSession => "kill -9 of a PostgreSQL session",
            Self::Freeze => "PostgreSQL frozen",
            Self::Delay => "network: delay",
            Self::Reset => "network: reset",
            Self::Refuse => "network: refused",
            Self::BlackHole => "network: black hole",
            Self::DeafServer => "network: one way, to the server",
            Self::DeafClient => "network: one way, to the client",
            Self::Forgotten => "network: connections dropped silently",
            Self::CutBeforeCommit => "network: cut before COMMIT arrives",
            Self::CutAfterCommit => "network: cut after COMMIT, before its answer",
            Self::Terminate => "SIGTERM",
            Self::LeavingClients => "a wave of dropped clients",
        }
    }

    /// Returns whether the fault can break a session from the side of the database or its network.
    pub(crate) fn breaks_database(self) -> bool {
        !matches!(self, Self::Start | Self::KillServer | Self::Terminate | Self::LeavingClients)
    }

    /// Returns how often a run makes the fault.
    pub(crate) fn count(self, counts: &Counts) -> usize {
        match self {
            Self::Start => 0,
            Self::KillServer => counts.server_kills,
            Self::KillDatabase => counts.database_kills.div_ceil(2),
            Self::KillSession => counts.database_kills / 2,
            Self::Freeze => counts.freezes,
            Self::Terminate => counts.terminations,
            Self::LeavingClients => counts.waves,
            _ => counts.network,
        }
    }

    /// Returns the behavior of the network during the fault, `None` if the network is not the part that breaks.
    pub(crate) fn network(self, random: &mut StdRng) -> Option<Fault> {
        Some(match self {
            Self::Delay => Fault::Delay(Duration::from_millis(random.random_range(5..150))),
            Self::Reset => Fault::Reset,
            Self::Refuse => Fault::Refuse,
            Self::BlackHole => Fault::BlackHole,
            Self::DeafServer => Fault::DeafServer,
            Self::DeafClient => Fault::DeafClient,
            Self::CutBeforeCommit => Fault::CutBeforeCommit,
            Self::CutAfterCommit => Fault::CutAfterCommit,
            _ => return None,
        })
    }
}
