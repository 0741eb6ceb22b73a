//! Batches concurrent look-ups.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{Code, Error, Result};

/// The most look-ups that wait. When as many wait, they are loaded at once.
const MAX_BATCH: usize = 16;
/// The longest wait for the end of the batches in flight, whose connection may be dead.
const MAX_WAIT: Duration = Duration::from_millis(50);

/// Loads the answers of a batch.
pub(crate) trait BatchLoader: Send + Sync + 'static {
    /// The key that look-ups must share to be loaded together.
    type BatchKey: Copy + Eq + Hash + Send + Sync;
    /// A look-up.
    type Request: Clone + Send;
    /// The answer of a look-up.
    type Answer: Send;

    /// Loads the answers of at least one look-up, in the order of the look-ups.
    fn load(
        &self,
        key: Self::BatchKey,
        requests: Vec<Self::Request>,
    ) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

/// Batches concurrent look-ups with the same key (the `DataLoader` pattern). Cheap to clone.
///
/// The first caller loads immediately. Callers that arrive while a batch is in flight are collected and served by one
/// batch when the batch in flight ends, after [`MAX_WAIT`], or when [`MAX_BATCH`] callers wait, whichever comes first.
/// No caller waits for later callers, and a higher load makes each look-up cheaper.
///
/// A batch in flight is never joined, so an answer is never older than its look-up.
pub(crate) struct Batcher<L: BatchLoader>(Arc<Shared<L>>);

impl<L: BatchLoader> Clone for Batcher<L> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

struct Shared<L: BatchLoader> {
    loader: L,
    /// Nothing is spawned, awaited or dropped under this lock except plain memory: a runtime that shuts down drops a
    /// spawned batch at once, and the slot of that batch takes the lock again.
    queues: Mutex<HashMap<L::BatchKey, Queue<L>>>,
}

/// The look-ups with one key. A queue exists as long as a batch with its key is in flight.
struct Queue<L: BatchLoader> {
    /// The number of batches in flight.
    slots: usize,
    waiting: Vec<Waiting<L>>,
}

/// A look-up that waits for a batch.
struct Waiting<L: BatchLoader> {
    request: L::Request,
    sender: oneshot::Sender<Reply<L>>,
}

/// The answer of a look-up, or the error that all look-ups of a batch share.
type Reply<L> = std::result::Result<<L as BatchLoader>::Answer, Arc<Error>>;

impl<L: BatchLoader> Batcher<L> {
    pub(crate) fn new(loader: L) -> Self {
        Self(Arc::new(Shared { loader, queues: Mutex::default() }))
    }

    /// Returns the answer of a look-up. A caller that goes away while its look-up waits leaves the look-up in the
    /// batch.
    ///
    /// # Errors
    /// The errors of [`BatchLoader::load`]. An error that another look-up of the batch may have caused is not passed
    /// on: the look-up is repeated alone.
    pub(crate) async fn load(&self, key: L::BatchKey, request: L::Request) -> Result<L::Answer> {
        let Some(mut receiver) = self.enqueue(key, &request) else {
            let _slot = BatchSlot { shared: Arc::clone(&self.0), key };
            return self.load_alone(key, request).await;
        };
        let reply = if let Ok(reply) = timeout(MAX_WAIT, &mut receiver).await {
            reply
        } else {
            self.overtake(key);
            receiver.await
        };
        match reply {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.code() == Code::ServiceUnavailable => Err(error.again()),
            Ok(Err(_)) | Err(_) => self.load_alone(key, request).await,
        }
    }

    /// Queues a look-up behind the batches in flight. Returns `None` when no batch is in flight: then the caller holds
    /// the slot.
    fn enqueue(&self, key: L::BatchKey, request: &L::Request) -> Option<oneshot::Receiver<Reply<L>>> {
        let mut queues = self.0.queues();
        let queue = queues.entry(key).or_insert_with(|| Queue { slots: 0, waiting: Vec::new() });
        if queue.slots == 0 {
            queue.slots = 1;
            return None;
        }
        let (sender, receiver) = oneshot::channel();
        queue.waiting.push(Waiting { request: request.clone(), sender });
        let batch = if queue.waiting.len() >= MAX_BATCH { queue.begin_batch() } else { Vec::new() };
        drop(queues);
        self.spawn(key, batch);
        Some(receiver)
    }

    /// Loads the waiting look-ups, if there are any, concurrently with the batches in flight.
    fn overtake(&self, key: L::BatchKey) {
        let batch = self.0.queues().get_mut(&key).map(Queue::begin_batch).unwrap_or_default();
        self.spawn(key, batch);
    }

    /// Spawns a batch that [`Queue::begin_batch`] has begun.
    fn spawn(&self, key: L::BatchKey, batch: Vec<Waiting<L>>) {
        if !batch.is_empty() {
            tokio::spawn(BatchSlot { shared: Arc::clone(&self.0), key }.load(batch));
        }
    }

    /// Returns the answer of a look-up that is a batch of its own.
    ///
    /// # Errors
    /// The errors of [`BatchLoader::load`].
    async fn load_alone(&self, key: L::BatchKey, request: L::Request) -> Result<L::Answer> {
        let answers = self.0.loader.load(key, vec![request]).await?;
        answers.into_iter().next().ok_or_else(|| Error::internal("a look-up without an answer"))
    }
}

impl<L: BatchLoader> Queue<L> {
    /// Takes the waiting look-ups out as a batch, and a slot for the batch if the batch is not empty.
    fn begin_batch(&mut self) -> Vec<Waiting<L>> {
        let batch = mem::take(&mut self.waiting);
        self.slots += usize::from(!batch.is_empty());
        batch
    }
}

impl<L: BatchLoader> Shared<L> {
    fn queues(&self) -> MutexGuard<'_, HashMap<L::BatchKey, Queue<L>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the look-ups that wait for a slot. When none waits, the slot is freed.
    fn take_waiting_or_free_slot(&self, key: L::BatchKey) -> Option<Vec<Waiting<L>>> {
        let mut queues = self.queues();
        let queue = queues.get_mut(&key)?;
        if !queue.waiting.is_empty() {
            return Some(mem::take(&mut queue.waiting));
        }
        queue.slots -= 1;
        if queue.slots == 0 {
            queues.remove(&key);
        }
        None
    }
}

/// The right to load a batch. However a batch ends, its slot passes to the waiting look-ups.
struct BatchSlot<L: BatchLoader> {
    shared: Arc<Shared<L>>,
    key: L::BatchKey,
}

impl<L: BatchLoader> BatchSlot<L> {
    async fn load(self, batch: Vec<Waiting<L>>) {
        let (requests, senders): (Vec<_>, Vec<_>) =
            batch.into_iter().map(|waiting| (waiting.request, waiting.sender)).unzip();
        // A failed send means that the caller has gone away.
        match self.shared.loader.load(self.key, requests).await {
            Ok(answers) => {
                for (sender, answer) in senders.into_iter().zip(answers) {
                    let _ = sender.send(Ok(answer));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for sender in senders {
                    let _ = sender.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}

impl<L: BatchLoader> Drop for BatchSlot<L> {
    fn drop(&mut self) {
        while let Some(batch) = self.shared.take_waiting_or_free_slot(self.key) {
            // The slot passes to the batch.
            if let Ok(runtime) = Handle::try_current() {
                runtime.spawn(Self { shared: Arc::clone(&self.shared), key: self.key }.load(batch));
                return;
            }
            // Without a runtime nothing can be loaded: dropping the senders wakes the callers.
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::future::join_all;
    use futures_util::poll;
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::yield_now;

    use super::*;

    /// Answers each number with ten times the number, one batch for each permit, and records the batches. The batch
    /// `[0]` is never answered, a batch with 13 conflicts, and for a batch with 404 the service is unavailable.
    struct TenTimes {
        permits: Semaphore,
        batches: mpsc::UnboundedSender<Vec<u32>>,
    }

    impl BatchLoader for TenTimes {
        type BatchKey = char;
        type Request = u32;
        type Answer = u32;

        async fn load(&self, _: char, requests: Vec<u32>) -> Result<Vec<u32>> {
            self.batches.send(requests.clone()).unwrap();
            self.permits.acquire().await.unwrap().forget();
            match requests {
                requests if requests == [0] => pending().await,
                requests if requests.contains(&13) => Err(Error::conflict("thirteen")),
                requests if requests.contains(&404) => Err(Error::unavailable("away")),
                requests => Ok(requests.into_iter().map(|request| request * 10).collect()),
            }
        }
    }

    impl Batcher<TenTimes> {
        /// Returns a batcher and the batches that its loader receives.
        fn recorded() -> (Self, mpsc::UnboundedReceiver<Vec<u32>>) {
            let (batches, recorded) = mpsc::unbounded_channel();
            (Self::new(TenTimes { permits: Semaphore::new(0), batches }), recorded)
        }

        fn permit(&self, batches: usize) {
            self.0.loader.permits.add_permits(batches);
        }
    }

    impl<L: BatchLoader> Batcher<L> {
        fn is_idle(&self) -> bool {
            self.0.queues().is_empty()
        }
    }

    /// Begins a look-up and returns its future, which is pending.
    macro_rules! begin {
        ($batcher:expr, $key:expr, $request:expr) => {{
            let mut load = Box::pin($batcher.load($key, $request));
            assert!(poll!(&mut load).is_pending());
            load
        }};
    }

    #[tokio::test]
    async fn callers_that_arrive_meanwhile_share_a_batch_and_each_gets_its_own_answer() {
        let (batcher, mut recorded) = Batcher::recorded();
        let first = begin!(batcher, 'a', 1);
        let second = begin!(batcher, 'a', 2);
        let other = begin!(batcher, 'b', 7);
        let third = begin!(batcher, 'a', 3);
        assert_eq!((recorded.recv().await.unwrap(), recorded.recv().await.unwrap()), (vec![1], vec![7]));
        assert!(recorded.try_recv().is_err(), "two wait");
        batcher.permit(3);
        assert_eq!(
            (first.await.unwrap(), other.await.unwrap(), second.await.unwrap(), third.await.unwrap()),
            (10, 70, 20, 30)
        );
        assert_eq!(recorded.recv().await.unwrap(), [2, 3]);
        assert!(batcher.is_idle());
    }

    #[tokio::test]
    async fn a_full_batch_does_not_wait_for_the_batch_in_flight() {
        let (batcher, mut recorded) = Batcher::recorded();
        let first = begin!(batcher, 'a', 1);
        let mut many = Vec::new();
        for request in (20..).take(MAX_BATCH) {
            many.push(begin!(batcher, 'a', request));
        }
        let late = begin!(batcher, 'a', 99);
        yield_now().await;
        assert_eq!((recorded.recv().await.unwrap().len(), recorded.recv().await.unwrap().len()), (1, MAX_BATCH));
        assert!(recorded.try_recv().is_err(), "the late one waits");
        batcher.permit(3);
        let answers = join_all(many).await;
        assert!(answers.into_iter().zip(20..).all(|(answer, request)| answer.unwrap() == request * 10));
        assert_eq!((first.await.unwrap(), late.await.unwrap()), (10, 990));
        assert!(batcher.is_idle());
    }

    #[tokio::test]
    async fn a_dead_batch_is_overtaken() {
        let (batcher, mut recorded) = Batcher::recorded();
        let (stuck, second, third) = (begin!(batcher, 'a', 0), begin!(batcher, 'a', 2), begin!(batcher, 'a', 3));
        batcher.permit(2);
        let (second, third) = timeout(10 * MAX_WAIT, async { tokio::join!(second, third) }).await.unwrap();
        assert_eq!((second.unwrap(), third.unwrap()), (20, 30));
        assert_eq!((recorded.recv().await.unwrap(), recorded.recv().await.unwrap()), (vec![0], vec![2, 3]));
        assert!(!batcher.is_idle());
        drop(stuck);
        assert!(batcher.is_idle());
    }

    #[tokio::test]
    async fn a_caller_that_goes_away_delays_no_other() {
        let (batcher, mut recorded) = Batcher::recorded();
        let (first, gone, third) = (begin!(batcher, 'a', 1), begin!(batcher, 'a', 2), begin!(batcher, 'a', 3));
        drop((first, gone));
        batcher.permit(1);
        assert_eq!(third.await.unwrap(), 30);
        assert_eq!((recorded.recv().await.unwrap(), recorded.recv().await.unwrap()), (vec![1], vec![2, 3]));
        assert!(batcher.is_idle());
    }

    #[tokio::test]
    async fn an_error_of_one_look_up_is_not_the_answer_of_another() {
        let (batcher, mut recorded) = Batcher::recorded();
        let (first, bad, good) = (begin!(batcher, 'a', 1), begin!(batcher, 'a', 13), begin!(batcher, 'a', 3));
        batcher.permit(4);
        assert_eq!((first.await.unwrap(), good.await.unwrap()), (10, 30));
        assert_eq!(bad.await.unwrap_err().code(), Code::Conflict);
        let all: Vec<_> = std::iter::from_fn(|| recorded.try_recv().ok()).collect();
        assert_eq!(all, [vec![1], vec![13, 3], vec![3], vec![13]]);
        assert!(batcher.is_idle());
    }

    #[tokio::test]
    async fn an_unavailable_service_is_reported_to_the_whole_batch() {
        let (batcher, mut recorded) = Batcher::recorded();
        let (first, away, also) = (begin!(batcher, 'a', 1), begin!(batcher, 'a', 404), begin!(batcher, 'a', 3));
        batcher.permit(2);
        assert_eq!(first.await.unwrap(), 10);
        for reply in [away.await, also.await] {
            assert_eq!(reply.unwrap_err().code(), Code::ServiceUnavailable);
        }
        assert_eq!((recorded.recv().await.unwrap(), recorded.recv().await.unwrap()), (vec![1], vec![404, 3]));
        assert!(recorded.try_recv().is_err() && batcher.is_idle());
    }

    /// Answers each number with the next number, after a delay that depends on the number; panics for 1,234.
    struct Successor;

    impl BatchLoader for Successor {
        type BatchKey = u32;
        type Request = u32;
        type Answer = u32;

        async fn load(&self, _: u32, requests: Vec<u32>) -> Result<Vec<u32>> {
            tokio::time::sleep(Duration::from_micros(u64::from(requests[0]) % 900)).await;
            assert!(!requests.contains(&1_234), "this look-up panics");
            Ok(requests.into_iter().map(|request| request + 1).collect())
        }
    }

    /// Thousands of callers arrive, wait, and give up at any moment; the batches with 1,234 panic.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_look_up_is_lost_and_none_gets_the_answer_of_another() {
        let batcher = Arc::new(Batcher::new(Successor));
        let answered = Arc::new(AtomicUsize::new(0));
        let callers = (0..4_000_u32).map(|number| {
            let (batcher, answered) = (Arc::clone(&batcher), Arc::clone(&answered));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(u64::from(number) * 37 % 100_000)).await;
                let limit = Duration::from_micros(u64::from(number) * 31 % 20_000);
                if let Ok(answer) = timeout(limit, batcher.load(number % 3, number)).await {
                    assert_eq!(answer.unwrap(), number + 1);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let ended = join_all(callers).await;
        // Only the caller of 1,234 panics: the other look-ups of its batch are repeated alone.
        assert!(ended.iter().filter(|ended| ended.is_err()).count() <= 1);
        assert!(answered.load(Ordering::Relaxed) > 1_000, "{answered:?}");
        while !batcher.is_idle() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Never answers, and reports each batch that it receives.
    struct Stuck(std::sync::mpsc::Sender<usize>);

    impl BatchLoader for Stuck {
        type BatchKey = u32;
        type Request = u32;
        type Answer = u32;

        async fn load(&self, _: u32, requests: Vec<u32>) -> Result<Vec<u32>> {
            self.0.send(requests.len()).unwrap();
            pending().await
        }
    }

    /// A runtime that shuts down drops the batches in flight, and drops what their slots spawn for the waiting callers.
    #[test]
    fn a_runtime_ends_while_batches_are_in_flight_and_callers_wait() {
        let (ended, end) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            for threads in 1..=4 {
                let runtime =
                    tokio::runtime::Builder::new_multi_thread().worker_threads(threads).enable_all().build().unwrap();
                let (loads, loaded) = std::sync::mpsc::channel();
                let batcher = Batcher::new(Stuck(loads));
                // For each key: one batch in flight, one full batch that overtook the first, and callers that wait.
                for request in (0..).take(1 + MAX_BATCH + 5) {
                    for key in 0..8 {
                        let batcher = batcher.clone();
                        runtime.spawn(async move { batcher.load(key, request).await.unwrap() });
                    }
                }
                assert_eq!(loaded.iter().take(2 * 8).count(), 2 * 8);
                drop(runtime);
                assert!(batcher.is_idle());
            }
            ended.send(()).unwrap();
        });
        end.recv_timeout(Duration::from_mins(1)).expect("the runtimes end");
    }
}
