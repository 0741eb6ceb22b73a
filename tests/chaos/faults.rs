//! The schedule of the faults: when each fault begins, and when it ends.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use rand::rngs::StdRng;
use rand::seq::{IndexedRandom, SliceRandom};
use rand::{RngExt, SeedableRng};
use sqlx::{Connection, PgConnection};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::check;
use super::fault_proxy::Fault;
use super::frozen::Frozen;
use super::kind::Kind;
use super::load::{Load, token_call};
use super::options::Counts;
use super::site::Site;
use super::tally::{MAX_ANSWER, MAX_RECOVERY};

/// The number of disconnecting clients in one wave.
pub(crate) const CLIENTS_PER_WAVE: usize = 250;
/// The number of concurrent tasks that share the clients of a wave.
const WAVE_TASKS: usize = 10;
/// The time limit for PostgreSQL's own recovery.
const POSTGRES_RECOVERY: Duration = Duration::from_mins(1);

/// The faults of a run.
pub(crate) struct Plan {
    random: StdRng,
    kinds: Vec<Kind>,
    until: Instant,
    made: u64,
}

impl Plan {
    /// Orders the faults by the seed. If all faults are done before `time` is over, random further faults follow.
    pub(crate) fn new(seed: u64, counts: &Counts, time: Duration) -> Self {
        let mut random = StdRng::seed_from_u64(seed);
        let mut kinds: Vec<Kind> =
            Kind::ALL.into_iter().flat_map(|kind| std::iter::repeat_n(kind, kind.count(counts))).collect();
        kinds.shuffle(&mut random);
        Self { random, kinds, until: Instant::now() + time, made: 0 }
    }

    /// Makes the faults one after the other, until all are done or `enough` is set.
    pub(crate) async fn run(mut self, site: &mut Site, load: &Load, enough: &AtomicBool) -> Result<()> {
        let first = std::mem::take(&mut self.kinds);
        let mut kinds = first.iter().copied();
        while !enough.load(Ordering::Relaxed) {
            let kind = match kinds.next() {
                Some(kind) => kind,
                None if Instant::now() < self.until => *first.choose(&mut self.random).context("a fault")?,
                None => break,
            };
            self.make(kind, site, load).await?;
        }
        Ok(())
    }

    async fn make(&mut self, kind: Kind, site: &mut Site, load: &Load) -> Result<()> {
        sleep(MAX_RECOVERY + Duration::from_millis(self.random.random_range(300..700))).await;
        self.made += 1;
        load.tally.fault_begins(kind);
        match kind {
            Kind::Start => {}
            Kind::KillServer => {
                site.end_server(Signal::SIGKILL)?;
                site.start_server()?;
            }
            Kind::Terminate => terminate(site, load).await?,
            Kind::KillDatabase => {
                site.kill_database()?;
                self.hold().await;
                site.start_database()?;
            }
            Kind::KillSession => kill_session(site).await?,
            Kind::Freeze => {
                let frozen = Frozen::new(site.postmaster()?)?;
                self.hold().await;
                drop(frozen);
            }
            Kind::LeavingClients => self.wave(load).await,
            Kind::Forgotten => {
                site.proxy.forget_connections();
                // Waits until every request on a lost connection has given up.
                sleep(MAX_ANSWER).await;
            }
            network => {
                site.proxy.set(network.network(&mut self.random).context("a fault of the network")?);
                self.hold().await;
                site.proxy.set(Fault::None);
            }
        }
        load.tally.fault_ends();
        if site.server_is_gone() {
            load.tally.violation("the server has ended".to_owned());
            site.start_server()?;
        }
        Ok(())
    }

    /// Waits while a fault lasts: mostly shortly, and sometimes longer than any request waits for an answer.
    async fn hold(&mut self) {
        let long = self.random.random_ratio(1, 6);
        let time = if long { 6_500 } else { self.random.random_range(50..1_500) };
        sleep(Duration::from_millis(time)).await;
    }

    /// Runs a wave of clients that disconnect before the answer, some in the middle of the request.
    async fn wave(&mut self, load: &Load) {
        let mut tasks = JoinSet::new();
        for task in 0..WAVE_TASKS {
            let calls: Vec<_> = (0..CLIENTS_PER_WAVE / WAVE_TASKS)
                .map(|turn| {
                    let request = load.client.raw(&token_call(&format!("gone{}-{task}-{turn}", self.made)));
                    let whole = self.random.random_ratio(3, 4);
                    let length = if whole { request.len() } else { self.random.random_range(0..request.len()) };
                    (request, length, Duration::from_micros(self.random.random_range(0..20_000)))
                })
                .collect();
            let address = load.client.address();
            tasks.spawn(async move {
                for (request, length, after) in calls {
                    if let Ok(mut stream) = TcpStream::connect(address).await {
                        let _ = stream.write_all(&request[..length]).await;
                        sleep(after).await;
                    }
                }
            });
        }
        tasks.join_all().await;
    }
}

/// Ends the server by SIGTERM and checks that every accepted request was answered: a request without an answer must
/// have had no effect.
async fn terminate(site: &mut Site, load: &Load) -> Result<()> {
    load.take_unanswered();
    let begin = Instant::now();
    match site.end_server(Signal::SIGTERM) {
        Ok(Some(0)) => {}
        other => load.tally.violation(format!("SIGTERM: the server ended with {other:?} after {:?}", begin.elapsed())),
    }
    let unanswered = load.take_unanswered();
    let done = check::count_enrolled(&mut site.sql().await?, &unanswered).await?;
    if done > 0 {
        load.tally.violation(format!("SIGTERM: {done} requests were carried out and not answered"));
    }
    site.start_server()
}

/// Kills a session of PostgreSQL. PostgreSQL then ends all sessions and recovers by itself.
async fn kill_session(site: &Site) -> Result<()> {
    let mut conn = site.sql().await?;
    if let Some(process) = check::random_session(&mut conn).await? {
        kill(Pid::from_raw(process), Signal::SIGKILL)?;
    }
    until_back(site, conn).await
}

async fn until_back(site: &Site, mut conn: PgConnection) -> Result<()> {
    let begin = Instant::now();
    // This session ends with all others.
    while conn.ping().await.is_ok() && begin.elapsed() < POSTGRES_RECOVERY {
        sleep(Duration::from_millis(5)).await;
    }
    loop {
        match site.sql().await {
            Ok(_) => return Ok(()),
            Err(error) if begin.elapsed() > POSTGRES_RECOVERY => return Err(error),
            Err(_) => sleep(Duration::from_millis(5)).await,
        }
    }
}
