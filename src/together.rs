//! Questions that come while others are being asked go on together.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_core::future::BoxFuture;
use tokio::runtime::Handle;
use tokio::sync::oneshot;

use crate::error::{Code, Error, Result};

/// So many go together. They do not wait for those that are under way.
const MOST: usize = 16;

/// The questions about each `K`. Who comes when nothing is under way asks at once; who comes then waits until that is
/// answered, and asks together with all who came meanwhile. Nobody waits so that more may come, and the more there is
/// to do the less each question costs.
///
/// What is under way is never joined, so that no answer is older than its question.
pub(crate) struct Together<K, Q, A>(Arc<Mutex<HashMap<K, Line<Q, A>>>>);

/// How questions are asked: it gets at least one, and has an answer to each in their order.
type Ask<Q, A> = dyn Fn(Vec<Q>) -> BoxFuture<'static, Result<Vec<A>>> + Send + Sync;

struct Line<Q, A> {
    turns: usize,
    waiting: Vec<Waiting<Q, A>>,
}

struct Waiting<Q, A> {
    question: Q,
    answer: oneshot::Sender<std::result::Result<A, Arc<Error>>>,
}

type Answer<A> = oneshot::Receiver<std::result::Result<A, Arc<Error>>>;

impl<K, Q, A> Together<K, Q, A>
where
    K: Copy + Eq + Hash + Send + 'static,
    Q: Clone + Send + 'static,
    A: Send + 'static,
{
    /// The answer to a question. Who asks about the same must ask in the same way: `ask` may get questions of others,
    /// also when its own caller has gone away.
    ///
    /// # Errors
    /// As `ask`. An error that another's question may have caused is not taken for an answer: this one is asked again
    /// alone.
    pub(crate) async fn ask<F>(&self, about: K, question: Q, ask: F) -> Result<A>
    where
        F: Fn(Vec<Q>) -> BoxFuture<'static, Result<Vec<A>>> + Send + Sync + 'static,
    {
        let ask: Arc<Ask<Q, A>> = Arc::new(ask);
        let turn = || Turn { lines: Arc::clone(&self.0), about, ask: Arc::clone(&ask) };
        let answer = match join(&self.0, about, &question) {
            Joined::First => {
                let _turn = turn();
                return alone(&*ask, question).await;
            }
            Joined::Waits(answer) => answer,
            Joined::Last(answer, all) => {
                tokio::spawn(turn().take(all));
                answer
            }
        };
        match answer.await {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.code() == Code::ServiceUnavailable => Err(error.again()),
            Ok(Err(_)) | Err(_) => alone(&*ask, question).await,
        }
    }
}

impl<K, Q, A> Default for Together<K, Q, A> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<Q, A> Default for Line<Q, A> {
    fn default() -> Self {
        Self { turns: 0, waiting: Vec::new() }
    }
}

/// Where a question stands that has come.
enum Joined<Q, A> {
    /// Nothing is under way: it has a turn.
    First,
    /// It waits for the end of a turn.
    Waits(Answer<A>),
    /// So many wait now that they have a turn.
    Last(Answer<A>, Vec<Waiting<Q, A>>),
}

fn join<K, Q, A>(lines: &Mutex<HashMap<K, Line<Q, A>>>, about: K, question: &Q) -> Joined<Q, A>
where
    K: Eq + Hash,
    Q: Clone,
{
    let mut lines = locked(lines);
    let line = lines.entry(about).or_default();
    if line.turns == 0 {
        line.turns = 1;
        return Joined::First;
    }
    let (sender, answer) = oneshot::channel();
    line.waiting.push(Waiting { question: question.clone(), answer: sender });
    if line.waiting.len() < MOST {
        return Joined::Waits(answer);
    }
    line.turns += 1;
    Joined::Last(answer, mem::take(&mut line.waiting))
}

async fn alone<Q, A>(ask: &Ask<Q, A>, question: Q) -> Result<A> {
    let answers = ask(vec![question]).await?;
    answers.into_iter().next().ok_or_else(|| Error::internal("a question without an answer"))
}

/// The right to ask. When it ends, however it does, it goes to those who wait.
struct Turn<K, Q, A>
where
    K: Copy + Eq + Hash + Send + 'static,
    Q: Clone + Send + 'static,
    A: Send + 'static,
{
    lines: Arc<Mutex<HashMap<K, Line<Q, A>>>>,
    about: K,
    ask: Arc<Ask<Q, A>>,
}

impl<K, Q, A> Turn<K, Q, A>
where
    K: Copy + Eq + Hash + Send + 'static,
    Q: Clone + Send + 'static,
    A: Send + 'static,
{
    async fn take(self, all: Vec<Waiting<Q, A>>) {
        let (questions, waiting): (Vec<_>, Vec<_>) =
            all.into_iter().map(|waiting| (waiting.question, waiting.answer)).unzip();
        // Who has gone away does not take its answer.
        match (self.ask)(questions).await {
            Ok(answers) => {
                for (waiting, answer) in waiting.into_iter().zip(answers) {
                    let _ = waiting.send(Ok(answer));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for waiting in waiting {
                    let _ = waiting.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}

impl<K, Q, A> Drop for Turn<K, Q, A>
where
    K: Copy + Eq + Hash + Send + 'static,
    Q: Clone + Send + 'static,
    A: Send + 'static,
{
    fn drop(&mut self) {
        let mut lines = locked(&self.lines);
        let Some(line) = lines.get_mut(&self.about) else { return };
        let waiting = mem::take(&mut line.waiting);
        // Without a runtime nobody asks any more: who waits is told by the end of its channel.
        if let (false, Ok(runtime)) = (waiting.is_empty(), Handle::try_current()) {
            let turn = Self { lines: Arc::clone(&self.lines), about: self.about, ask: Arc::clone(&self.ask) };
            runtime.spawn(turn.take(waiting));
            return;
        }
        line.turns -= 1;
        if line.turns == 0 {
            lines.remove(&self.about);
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::time::Duration;

    use futures_util::future::join_all;
    use futures_util::poll;
    use tokio::sync::{Semaphore, mpsc};
    use tokio::task::yield_now;

    use super::*;

    /// Answers ten times the number when it is let, and notes what was asked together.
    struct Asked {
        together: Together<char, u32, u32>,
        let_go: Arc<Semaphore>,
        noted: mpsc::UnboundedSender<Vec<u32>>,
    }

    impl Asked {
        fn new() -> (Self, mpsc::UnboundedReceiver<Vec<u32>>) {
            let (noted, seen) = mpsc::unbounded_channel();
            (Self { together: Together::default(), let_go: Arc::new(Semaphore::new(0)), noted }, seen)
        }

        async fn ask(&self, about: char, question: u32) -> Result<u32> {
            let (let_go, noted) = (Arc::clone(&self.let_go), self.noted.clone());
            let ask = move |questions: Vec<u32>| -> BoxFuture<'static, Result<Vec<u32>>> {
                let let_go = Arc::clone(&let_go);
                noted.send(questions.clone()).unwrap();
                Box::pin(async move {
                    let_go.acquire().await.unwrap().forget();
                    if questions.contains(&13) {
                        return Err(Error::conflict("thirteen"));
                    }
                    if questions.contains(&404) {
                        return Err(Error::unavailable("away"));
                    }
                    Ok(questions.into_iter().map(|question| question * 10).collect())
                })
            };
            self.together.ask(about, question, ask).await
        }

        fn is_idle(&self) -> bool {
            locked(&self.together.0).is_empty()
        }
    }

    /// Asks, and is not answered yet.
    macro_rules! asks {
        ($asked:expr, $about:expr, $question:expr) => {{
            let mut asking = Box::pin($asked.ask($about, $question));
            assert!(poll!(&mut asking).is_pending());
            asking
        }};
    }

    #[tokio::test]
    async fn who_comes_meanwhile_goes_together_and_each_gets_its_own_answer() {
        let (asked, mut seen) = Asked::new();
        let first = asks!(asked, 'a', 1);
        let second = asks!(asked, 'a', 2);
        let other = asks!(asked, 'b', 7);
        let third = asks!(asked, 'a', 3);
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![1], vec![7]));
        assert!(seen.try_recv().is_err(), "two wait");
        asked.let_go.add_permits(3);
        assert_eq!(
            (first.await.unwrap(), other.await.unwrap(), second.await.unwrap(), third.await.unwrap()),
            (10, 70, 20, 30)
        );
        assert_eq!(seen.recv().await.unwrap(), [2, 3]);
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn many_do_not_wait_for_what_is_under_way() {
        let (asked, mut seen) = Asked::new();
        let first = asks!(asked, 'a', 0);
        let mut many = Vec::new();
        for question in (20..).take(MOST) {
            many.push(asks!(asked, 'a', question));
        }
        let late = asks!(asked, 'a', 99);
        yield_now().await;
        assert_eq!((seen.recv().await.unwrap().len(), seen.recv().await.unwrap().len()), (1, MOST));
        assert!(seen.try_recv().is_err(), "the late one waits");
        asked.let_go.add_permits(3);
        let answers = join_all(many).await;
        assert!(answers.into_iter().zip(20..).all(|(answer, question)| answer.unwrap() == question * 10));
        assert_eq!((first.await.unwrap(), late.await.unwrap()), (0, 990));
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn who_goes_away_keeps_nobody_waiting() {
        let (asked, mut seen) = Asked::new();
        let (first, gone, third) = (asks!(asked, 'a', 1), asks!(asked, 'a', 2), asks!(asked, 'a', 3));
        drop((first, gone));
        asked.let_go.add_permits(1);
        assert_eq!(third.await.unwrap(), 30);
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![1], vec![2, 3]));
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn an_error_of_one_is_not_the_answer_of_another() {
        let (asked, mut seen) = Asked::new();
        let (first, bad, good) = (asks!(asked, 'a', 1), asks!(asked, 'a', 13), asks!(asked, 'a', 3));
        asked.let_go.add_permits(4);
        assert_eq!((first.await.unwrap(), good.await.unwrap()), (10, 30));
        assert_eq!(bad.await.unwrap_err().code(), Code::Conflict);
        let askings: Vec<_> = std::iter::from_fn(|| seen.try_recv().ok()).collect();
        assert_eq!(askings, [vec![1], vec![13, 3], vec![3], vec![13]]);
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn when_nobody_can_be_asked_all_are_told_at_once() {
        let (asked, mut seen) = Asked::new();
        let (first, away, also) = (asks!(asked, 'a', 1), asks!(asked, 'a', 404), asks!(asked, 'a', 3));
        asked.let_go.add_permits(2);
        assert_eq!(first.await.unwrap(), 10);
        for told in [away.await, also.await] {
            assert_eq!(told.unwrap_err().code(), Code::ServiceUnavailable);
        }
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![1], vec![404, 3]));
        assert!(seen.try_recv().is_err() && asked.is_idle());
    }

    /// Thousands that come, wait, and are given up at any moment; some askings panic.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_question_is_lost_and_none_gets_the_answer_of_another() {
        let together = Arc::new(Together::<u32, u32, u32>::default());
        let answered = Arc::new(AtomicUsize::new(0));
        let askers = (0..4_000_u32).map(|number| {
            let (together, answered) = (Arc::clone(&together), Arc::clone(&answered));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(u64::from(number) * 37 % 100_000)).await;
                let asking = together.ask(number % 3, number, |questions| {
                    Box::pin(async move {
                        tokio::time::sleep(Duration::from_micros(u64::from(questions[0]) % 900)).await;
                        assert!(!questions.contains(&1_234), "this one panics");
                        Ok(questions.into_iter().map(|question| question + 1).collect())
                    })
                });
                let patience = Duration::from_micros(u64::from(number) * 31 % 20_000);
                if let Ok(answer) = tokio::time::timeout(patience, asking).await {
                    assert_eq!(answer.unwrap(), number + 1);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let ended = join_all(askers).await;
        assert!(ended.iter().filter(|ended| ended.is_err()).count() <= 1);
        assert!(answered.load(Ordering::Relaxed) > 1_000, "{answered:?}");
        while !locked(&together.0).is_empty() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
