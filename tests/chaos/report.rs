//! The table that a run prints at its end.

use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use super::check::Found;
use super::faults::CLIENTS_PER_WAVE;
use super::kind::Kind;
use super::tally::Tally;

/// The results of a run.
pub(crate) struct Summary<'a> {
    pub(crate) tally: &'a Tally,
    pub(crate) found: Found,
    pub(crate) cuts: usize,
    pub(crate) histories: usize,
    pub(crate) linearizable: usize,
    pub(crate) time: Duration,
}

impl Summary<'_> {
    pub(crate) fn print(&self) {
        let header = ["times", "acknowledged", "503", "no answer", "longest answer", "recovered in", "violations"];
        println!("{:<44}{}", "fault, and the time until the next", header.map(|name| format!("{name:>15}")).concat());
        for kind in Kind::ALL {
            let row = self.tally.row(kind);
            let [times, acknowledged, unavailable, broken, violations] =
                [&row.faults, &row.acknowledged, &row.unavailable, &row.broken, &row.violations]
                    .map(|number| number.load(Relaxed).to_string());
            let columns = [
                times,
                acknowledged,
                unavailable,
                broken,
                ms(row.slowest_answer()),
                ms(row.slowest_recovery()),
                violations,
            ];
            println!("{:<44}{}", kind.name(), columns.map(|text| format!("{text:>15}")).concat());
        }
        let Found { partners, lost, doubled, orphans } = &self.found;
        let waves = self.tally.row(Kind::LeavingClients).faults.load(Relaxed);
        println!();
        println!("acknowledged writes               {}", self.tally.sum(|row| &row.acknowledged));
        println!("  lost                            {lost}");
        println!("  doubled                         {doubled}");
        println!("enrollments in the database       {partners}");
        println!("  broken invariants               {orphans}");
        println!("connections cut at their COMMIT   {}", self.cuts);
        println!("dropped clients                   {}", waves * CLIENTS_PER_WAVE as u64);
        println!("linearizable histories            {} of {}", self.linearizable, self.histories);
        println!("violations                        {}", self.tally.violations());
        println!("time                              {} s", self.time.as_secs());
    }
}

fn ms(time: Duration) -> String {
    if time.is_zero() { "-".to_owned() } else { format!("{} ms", time.as_millis()) }
}
