//! The chaos test: a private PostgreSQL, a network that fails, the server as a process, clients that remember every
//! acknowledged write, and a checker. `scripts/chaos` runs the test.

mod check;
mod client;
#[path = "../shared/enrollment_model.rs"]
mod enrollment_model;
#[path = "../shared/fault_proxy.rs"]
mod fault_proxy;
mod faults;
#[path = "../shared/frozen.rs"]
mod frozen;
mod histories;
mod kind;
mod load;
#[path = "../shared/never.rs"]
mod never;
mod options;
mod report;
mod server;
mod site;
mod tally;
mod watch;

use std::pin::pin;
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use clap::Parser;
use pearset::testing::app::shutdown::Signals;
use tokio::task::JoinSet;

use self::client::Client;
use self::faults::Plan;
use self::load::Load;
use self::options::Options;
use self::report::Summary;
use self::site::Site;

fn main() -> ExitCode {
    let options = Options::parse();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().expect("a runtime");
    let enough = AtomicBool::new(false);
    let outcome = runtime.block_on(async {
        let (mut signals, mut run) = (Signals::listen(2)?, pin!(run(&options, &enough)));
        tokio::select! {
            () = signals.next() => {}
            outcome = &mut run => return outcome,
        }
        eprintln!("chaos: makes no more faults and checks the outcome (a second signal ends the run immediately)");
        enough.store(true, Ordering::Relaxed);
        tokio::select! {
            // Dropping the run ends its processes.
            () = signals.next() => bail!("interrupted"),
            outcome = run => outcome,
        }
    });
    match outcome {
        Ok(0) if enough.into_inner() => {
            eprintln!("chaos: interrupted, with no violation until then");
            ExitCode::FAILURE
        }
        Ok(0) => ExitCode::SUCCESS,
        Ok(violations) => {
            eprintln!("chaos: {violations} violations; --seed {} repeats the same faults", options.seed);
            ExitCode::FAILURE
        }
        Err(error) => {
            eprintln!("chaos: {error:#}");
            ExitCode::FAILURE
        }
    }
}

/// Runs the faults under load and returns the number of violations. Makes no more faults once `enough` is set.
async fn run(options: &Options, enough: &AtomicBool) -> Result<u64> {
    let (begin, counts) = (Instant::now(), options.counts());
    let mut site = Site::start(&options.server).await?;
    let load = Arc::new(Load::new(Client::new(site.address(), &site.key), options.seed));
    let mut clients = JoinSet::new();
    for client in 0..options.clients {
        let work = Arc::clone(&load).work(client);
        clients.spawn(async move { (client, work.await) });
    }
    let watch = tokio::spawn(watch::watch_sessions(site.database(), Arc::clone(&load)));
    Plan::new(options.seed, &counts, options.time()).run(&mut site, &load, enough).await?;
    load.stop();
    let mut histories = clients.join_all().await;
    histories.sort_by_key(|(client, _)| *client);
    let histories: Vec<_> = histories.into_iter().map(|(_, history)| history).collect();
    let linearizable = histories::check(&load, counts.histories).await?;
    watch.abort();
    let found = check::everything(&mut site.sql().await?, &histories, &load.tally).await.context("the final check")?;
    let violations = load.tally.violations();
    let (tally, cuts, histories, time) = (&load.tally, site.proxy.cuts(), counts.histories, begin.elapsed());
    Summary { tally, found, cuts, histories, linearizable, time }.print();
    if violations > 0 {
        eprintln!("chaos: the server's log is in {}", site.keep_folder().display());
    }
    Ok(violations)
}
