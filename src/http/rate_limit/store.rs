//! The count that several servers share, in Redis. It is never waited for long: without it, each server counts alone.

use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Script};
use tokio::time::{Instant, timeout};

use super::limits::WINDOW;
use super::standing::Standing;
use crate::telemetry::Metrics;
use crate::values::id::WorkspaceId;

/// How long a request waits for the count.
const PATIENCE: Duration = Duration::from_millis(50);
/// How long a new connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Between two attempts to connect.
const PAUSE: Duration = Duration::from_millis(250);
/// Between two log lines about the same absence.
const SILENCE: Duration = Duration::from_mins(1);

/// GCRA, as [`super::local`] has it. The time is Redis's own, so that servers whose clocks differ agree. What is stored
/// is when the workspace has all of its requests again, in microseconds; a time further off than a window can come
/// only of a clock that was set back, or of a limit that was changed.
const TAKE: &str = r"
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local interval, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local ahead = math.min(math.max(tonumber(redis.call('GET', KEYS[1]) or 0) - now, 0), window)
if ahead + interval > window then
    return {0, ahead}
end
ahead = ahead + interval
redis.call('SET', KEYS[1], string.format('%.0f', now + ahead), 'PX', math.ceil(ahead / 1000))
return {1, ahead}";

/// Redis, if it is there. Cheap to clone.
#[derive(Clone)]
pub struct SharedStore(Arc<Inner>);

struct Inner {
    client: Client,
    take: Script,
    metrics: Arc<Metrics>,
    link: Mutex<Link>,
    /// When a log line said that it is away; `None` while it is there.
    complained: Mutex<Option<Instant>>,
}

enum Link {
    /// With its number: what goes wrong on an old one says nothing of the present one.
    Up(MultiplexedConnection, u64),
    /// Somebody is connecting.
    Connecting,
    /// The next request after that time makes the connection with this number.
    Down(u64, Instant),
}

impl SharedStore {
    /// Nothing is opened yet.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        let (take, link) = (Script::new(TAKE), Mutex::new(Link::Down(0, Instant::now())));
        Self(Arc::new(Inner { client, take, metrics, link, complained: Mutex::default() }))
    }

    /// Connects, so that the first request finds it there. Where that fails, later requests try again.
    pub async fn connect(&self) {
        if let Some(number) = self.begin_connecting() {
            self.finish_connecting(number).await;
        }
    }

    /// Counts a request, if the workspace may make it. `None` where Redis does not answer.
    pub(super) async fn take(&self, workspace_id: WorkspaceId, limit: NonZeroU32) -> Option<Standing> {
        let (mut connection, number) = self.connection()?;
        let interval = u64::try_from(WINDOW.as_micros()).unwrap_or(u64::MAX) / u64::from(limit.get());
        let window = interval * u64::from(limit.get());
        let mut call = self.0.take.prepare_invoke();
        call.key(format!("pearset:rate_limit:{workspace_id}")).arg(interval).arg(window);
        let (admitted, ahead): (bool, u64) = match timeout(PATIENCE, call.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return self.lost(number, &error),
            Err(elapsed) => return self.lost(number, &elapsed),
        };
        let remaining = u32::try_from(window.saturating_sub(ahead) / interval).unwrap_or_default();
        let refused_for = (!admitted).then(|| Duration::from_micros((ahead + interval).saturating_sub(window)));
        Some(Standing { limit, remaining, whole_in: Duration::from_micros(ahead), refused_for })
    }

    /// The connection. Where there is none, somebody is at it from now on, but not this request.
    fn connection(&self) -> Option<(MultiplexedConnection, u64)> {
        if let Link::Up(connection, number) = &*lock(&self.0.link) {
            return Some((connection.clone(), *number));
        }
        if let Some(number) = self.begin_connecting() {
            let store = self.clone();
            tokio::spawn(async move { store.finish_connecting(number).await });
        }
        None
    }

    /// The number of the connection that the caller is to make, if one is due and nobody else is at it.
    fn begin_connecting(&self) -> Option<u64> {
        let mut link = lock(&self.0.link);
        match *link {
            Link::Down(number, due) if due <= Instant::now() => {
                *link = Link::Connecting;
                Some(number)
            }
            _ => None,
        }
    }

    async fn finish_connecting(&self, number: u64) {
        let connected = timeout(CONNECT_TIMEOUT, async {
            // The time limits are ours.
            let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
            let mut connection = self.0.client.get_multiplexed_async_connection_with_config(&config).await?;
            self.0.take.load_async(&mut connection).await?;
            RedisResult::Ok(connection)
        });
        let (link, failure) = match connected.await {
            Ok(Ok(connection)) => (Link::Up(connection, number), None),
            Ok(Err(error)) => (Link::Down(number, Instant::now() + PAUSE), Some(error.to_string())),
            Err(elapsed) => (Link::Down(number, Instant::now() + PAUSE), Some(elapsed.to_string())),
        };
        *lock(&self.0.link) = link;
        if let Some(error) = failure {
            self.complain(&error);
        } else {
            *lock(&self.0.complained) = None;
            tracing::info!("rate limits are counted in Redis");
        }
    }

    /// The connection is given up; the next one is made at once.
    fn lost(&self, number: u64, error: &dyn std::error::Error) -> Option<Standing> {
        self.complain(&error.to_string());
        let mut link = lock(&self.0.link);
        if matches!(&*link, Link::Up(_, present) if *present == number) {
            *link = Link::Down(number + 1, Instant::now());
            drop(link);
            self.connection();
        }
        None
    }

    fn complain(&self, error: &str) {
        self.0.metrics.rate_limit_store_failed();
        let mut complained = lock(&self.0.complained);
        if complained.is_none_or(|last| last.elapsed() >= SILENCE) {
            *complained = Some(Instant::now());
            tracing::warn!(error, "Redis does not answer: each server counts rate limits alone until it does");
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use time::macros::datetime;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::time::sleep;

    use super::*;
    use crate::values::clock::Timestamp;
    use crate::values::id::Ids;

    const MOMENT: Duration = Duration::from_millis(5);

    /// Who stands where Redis should.
    #[derive(Clone, Copy)]
    enum Stand {
        /// Hangs up.
        Refuses,
        /// Says nothing.
        Silent,
        /// Knows the script.
        Agrees,
    }

    /// Answers each command as the one that loads the script is answered.
    async fn agree(mut stream: TcpStream) -> io::Result<()> {
        let (answer, mut asked) = (format!("+{}\r\n", Script::new(TAKE).get_hash()), [0; 4096]);
        loop {
            let length = stream.read(&mut asked).await?;
            if length == 0 {
                return Ok(());
            }
            let commands = asked[..length].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"*")).count();
            stream.write_all(answer.repeat(commands).as_bytes()).await?;
        }
    }

    /// A store, and how many connections it has made.
    async fn store(stand: Stand) -> (SharedStore, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::open(format!("redis://{}", listener.local_addr().unwrap())).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                match stand {
                    Stand::Refuses => drop(stream),
                    Stand::Silent => silent.push(stream),
                    Stand::Agrees => drop(tokio::spawn(agree(stream))),
                }
            }
        });
        (SharedStore::new(client, Arc::default()), connections)
    }

    /// Requests, each of which is to be counted elsewhere.
    async fn ask(store: &SharedStore, requests: usize) {
        let workspace_id = Ids::seeded(1).next(Timestamp::from(datetime!(2026-03-01 0:00 UTC)));
        for _ in 0..requests {
            assert_eq!(store.take(workspace_id, NonZeroU32::MIN).await, None);
            sleep(MOMENT).await;
        }
    }

    /// Looks for it again and again, and not more often than this allows, however slow the machine is.
    async fn looks_for_it_once_in(stand: Stand, pause: Duration) {
        let (store, connections) = store(stand).await;
        let began = Instant::now();
        while connections.load(Ordering::Relaxed) < 3 {
            ask(&store, 1).await;
        }
        ask(&store, 10).await;
        let most = 1 + began.elapsed().as_millis() / pause.as_millis();
        let connections = connections.load(Ordering::Relaxed) as u128;
        assert!(connections <= most, "{connections} connections, at most {most}");
    }

    #[tokio::test]
    async fn while_it_is_away_one_request_in_each_pause_looks_for_it() {
        looks_for_it_once_in(Stand::Refuses, PAUSE).await;
    }

    #[tokio::test]
    async fn while_it_says_nothing_one_request_waits_for_it_and_then_nobody_for_a_pause() {
        looks_for_it_once_in(Stand::Silent, CONNECT_TIMEOUT + PAUSE).await;
    }

    #[tokio::test]
    async fn what_went_wrong_on_an_old_connection_says_nothing_of_the_present_one() {
        let (store, connections) = store(Stand::Agrees).await;
        store.connect().await;
        let error = io::Error::from(io::ErrorKind::BrokenPipe);
        for number in 0..3 {
            assert_eq!(present(&store).await, number);
            store.lost(number, &error);
            assert_eq!(present(&store).await, number + 1);
            // A second request that was on the same connection.
            store.lost(number, &error);
            assert_eq!(present(&store).await, number + 1);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 4);
    }

    /// The number of the connection, once there is one.
    async fn present(store: &SharedStore) -> u64 {
        loop {
            if let Some((_, number)) = store.connection() {
                return number;
            }
            sleep(MOMENT).await;
        }
    }

    #[tokio::test]
    async fn an_absence_is_one_line_in_a_while() {
        let (store, _) = store(Stand::Refuses).await;
        store.complain("away");
        let said = *lock(&store.0.complained);
        assert!(said.is_some());
        store.complain("away");
        assert_eq!(*lock(&store.0.complained), said);
    }
}
