//! The counter that several servers share, in Redis. A request waits for Redis only briefly: while Redis does not answer,
//! each server counts alone.

use std::mem;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use redis::aio::MultiplexedConnection;
use redis::{AsyncConnectionConfig, Client, RedisResult, Script};
use tokio::time::{Instant, timeout};

use super::WINDOW;
use super::status::RateLimitStatus;
use crate::telemetry::Metrics;
use crate::values::id::WorkspaceId;

/// The longest wait of a request for the counter.
const TAKE_TIMEOUT: Duration = Duration::from_millis(50);
/// The time limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(1);
/// Pause between two attempts to connect.
const RECONNECT_PAUSE: Duration = Duration::from_millis(250);
/// Pause between two log lines about the same outage.
const WARN_PAUSE: Duration = Duration::from_mins(1);

/// GCRA, as in [`super::local`]. The time is Redis's own, so that servers with different clocks agree. The stored value is
/// the time at which the workspace has its full limit again, in microseconds. A stored time more than one window ahead
/// comes from a clock that was set back or from a changed limit, and is cut to one window.
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

/// The shared counter in Redis. Cheap to clone.
#[derive(Clone)]
pub struct SharedStore(Arc<Inner>);

struct Inner {
    client: Client,
    take: Script,
    metrics: Arc<Metrics>,
    link: Mutex<Link>,
    /// The time of the last log line about an outage; `None` while Redis answers.
    warned: Mutex<Option<Instant>>,
}

enum Link {
    /// A connection and its number. The number tells a failure of an old connection from one of the present connection.
    Up(MultiplexedConnection, u64),
    /// One request is connecting.
    Connecting,
    /// The first request after this time opens the connection with this number.
    Down(u64, Instant),
}

impl SharedStore {
    /// Creates a store that has not connected yet.
    #[must_use]
    pub fn new(client: Client, metrics: Arc<Metrics>) -> Self {
        let (take, link) = (Script::new(TAKE), Mutex::new(Link::Down(0, Instant::now())));
        Self(Arc::new(Inner { client, take, metrics, link, warned: Mutex::default() }))
    }

    /// Connects, so that the first request finds a connection. After a failure, later requests try again.
    pub async fn connect(&self) {
        if let Some(number) = self.begin_connecting() {
            self.finish_connecting(number).await;
        }
    }

    /// Counts a request if the workspace is within its limit. Returns `None` when Redis does not answer.
    pub(super) async fn take(&self, workspace_id: WorkspaceId, limit: NonZeroU32) -> Option<RateLimitStatus> {
        let (mut connection, number) = self.connection()?;
        let interval = u64::try_from(WINDOW.as_micros()).unwrap_or(u64::MAX) / u64::from(limit.get());
        let window = interval * u64::from(limit.get());
        let mut call = self.0.take.prepare_invoke();
        call.key(format!("pearset:rate_limit:{workspace_id}")).arg(interval).arg(window);
        let (admitted, ahead): (bool, u64) = match timeout(TAKE_TIMEOUT, call.invoke_async(&mut connection)).await {
            Ok(Ok(answer)) => answer,
            Ok(Err(error)) => return self.fail(number, &error),
            Err(elapsed) => return self.fail(number, &elapsed),
        };
        let remaining = u32::try_from(window.saturating_sub(ahead) / interval).unwrap_or_default();
        let rejected_for = (!admitted).then(|| Duration::from_micros((ahead + interval).saturating_sub(window)));
        Some(RateLimitStatus { limit, remaining, whole_in: Duration::from_micros(ahead), rejected_for })
    }

    /// Returns the connection. Without a connection, starts a task that connects; the request does not wait for the task.
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

    /// Returns the number of the connection that the caller has to open, if a connection is due and no other request is
    /// connecting.
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
            // The timeouts of the client are off: this file has its own.
            let config = AsyncConnectionConfig::new().set_connection_timeout(None).set_response_timeout(None);
            let mut connection = self.0.client.get_multiplexed_async_connection_with_config(&config).await?;
            self.0.take.load_async(&mut connection).await?;
            RedisResult::Ok(connection)
        });
        let (link, failure) = match connected.await {
            Ok(Ok(connection)) => (Link::Up(connection, number), None),
            Ok(Err(error)) => (Link::Down(number, Instant::now() + RECONNECT_PAUSE), Some(error.to_string())),
            Err(elapsed) => (Link::Down(number, Instant::now() + RECONNECT_PAUSE), Some(elapsed.to_string())),
        };
        let before = mem::replace(&mut *lock(&self.0.link), link);
        drop(before);
        if let Some(error) = failure {
            self.warn(&error);
        } else {
            *lock(&self.0.warned) = None;
            tracing::info!("rate limits are counted in Redis");
        }
    }

    /// Gives up a connection after a failure and starts the next one immediately.
    fn fail(&self, number: u64, error: &dyn std::error::Error) -> Option<RateLimitStatus> {
        self.warn(&error.to_string());
        if let Some(broken) = self.take_down(number) {
            // Outside of the lock: dropping the connection ends its task in the runtime.
            drop(broken);
            self.connection();
        }
        None
    }

    /// Removes the present connection if it has this number.
    fn take_down(&self, number: u64) -> Option<Link> {
        let mut link = lock(&self.0.link);
        let is_present = matches!(&*link, Link::Up(_, present) if *present == number);
        is_present.then(|| mem::replace(&mut *link, Link::Down(number + 1, Instant::now())))
    }

    /// Counts a failure, and logs the first failure and then at most one in each [`WARN_PAUSE`].
    fn warn(&self, error: &str) {
        self.0.metrics.rate_limit_store_failed();
        if self.is_warning_due() {
            tracing::warn!(error, "Redis does not answer: each server counts rate limits alone until it does");
        }
    }

    fn is_warning_due(&self) -> bool {
        let mut warned = lock(&self.0.warned);
        let due = warned.is_none_or(|last| last.elapsed() >= WARN_PAUSE);
        if due {
            *warned = Some(Instant::now());
        }
        due
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

    /// The behavior of a stand-in for Redis.
    #[derive(Clone, Copy)]
    enum StandIn {
        /// Closes each connection.
        Refuses,
        /// Accepts connections and never answers.
        Silent,
        /// Answers as if the script was loaded.
        Answers,
    }

    /// Answers each command with the hash of the script, which is the answer to loading it.
    async fn answer_with_hash(mut stream: TcpStream) -> io::Result<()> {
        let (answer, mut bytes) = (format!("+{}\r\n", Script::new(TAKE).get_hash()), [0; 4096]);
        loop {
            let length = stream.read(&mut bytes).await?;
            if length == 0 {
                return Ok(());
            }
            let commands = bytes[..length].split(|byte| *byte == b'\n').filter(|line| line.starts_with(b"*")).count();
            stream.write_all(answer.repeat(commands).as_bytes()).await?;
        }
    }

    /// Returns a store, and the number of connections that the store has opened.
    async fn store(stand_in: StandIn) -> (SharedStore, Arc<AtomicUsize>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let client = Client::open(format!("redis://{}", listener.local_addr().unwrap())).unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        tokio::spawn(async move {
            let mut silent = Vec::new();
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                counted.fetch_add(1, Ordering::Relaxed);
                match stand_in {
                    StandIn::Refuses => drop(stream),
                    StandIn::Silent => silent.push(stream),
                    StandIn::Answers => drop(tokio::spawn(answer_with_hash(stream))),
                }
            }
        });
        (SharedStore::new(client, Arc::default()), connections)
    }

    /// Makes requests that the store cannot count.
    async fn take_in_vain(store: &SharedStore, requests: usize) {
        let workspace_id = Ids::seeded(1).next(Timestamp::from(datetime!(2026-03-01 0:00 UTC)));
        for _ in 0..requests {
            assert_eq!(store.take(workspace_id, NonZeroU32::MIN).await, None);
            sleep(MOMENT).await;
        }
    }

    /// Asserts that the store connects again and again, but at most once per pause, however slow the machine is.
    async fn assert_connects_once_per(pause: Duration, stand_in: StandIn) {
        let (store, connections) = store(stand_in).await;
        let began = Instant::now();
        while connections.load(Ordering::Relaxed) < 3 {
            take_in_vain(&store, 1).await;
        }
        take_in_vain(&store, 10).await;
        let most = 1 + began.elapsed().as_millis() / pause.as_millis();
        let connections = connections.load(Ordering::Relaxed) as u128;
        assert!(connections <= most, "{connections} connections, at most {most}");
    }

    #[tokio::test]
    async fn one_request_per_pause_connects_while_redis_is_away() {
        assert_connects_once_per(RECONNECT_PAUSE, StandIn::Refuses).await;
    }

    #[tokio::test]
    async fn one_request_per_timeout_and_pause_connects_while_redis_is_silent() {
        assert_connects_once_per(CONNECT_TIMEOUT + RECONNECT_PAUSE, StandIn::Silent).await;
    }

    #[tokio::test]
    async fn a_failure_of_an_old_connection_leaves_the_present_one() {
        let (store, connections) = store(StandIn::Answers).await;
        store.connect().await;
        let error = io::Error::from(io::ErrorKind::BrokenPipe);
        for number in 0..3 {
            assert_eq!(present(&store).await, number);
            store.fail(number, &error);
            assert_eq!(present(&store).await, number + 1);
            // A second request that used the same connection.
            store.fail(number, &error);
            assert_eq!(present(&store).await, number + 1);
        }
        assert_eq!(connections.load(Ordering::Relaxed), 4);
    }

    /// Returns the number of the connection as soon as there is one.
    async fn present(store: &SharedStore) -> u64 {
        loop {
            if let Some((_, number)) = store.connection() {
                return number;
            }
            sleep(MOMENT).await;
        }
    }

    #[tokio::test]
    async fn an_outage_is_logged_once_per_pause() {
        let (store, _) = store(StandIn::Refuses).await;
        store.warn("away");
        let warned = *lock(&store.0.warned);
        assert!(warned.is_some());
        store.warn("away");
        assert_eq!(*lock(&store.0.warned), warned);
    }
}
