//! Questions that come while others are being asked go on together.

use std::collections::HashMap;
use std::hash::Hash;
use std::mem;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::error::{Code, Error, Result};

/// So many go together. They do not wait for those that are under way.
const MOST: usize = 16;
/// How long the end of what is under way is waited for: it may be on a way that leads nowhere.
const PATIENCE: Duration = Duration::from_millis(50);

/// Who answers questions.
pub(crate) trait Answerer: Send + Sync + 'static {
    /// What questions must be about alike to go together.
    type About: Copy + Eq + Hash + Send + Sync;
    /// A question.
    type Question: Clone + Send;
    /// Its answer.
    type Answer: Send;

    /// The answers to at least one question, in the order of the questions.
    fn answer(
        &self,
        about: Self::About,
        questions: Vec<Self::Question>,
    ) -> impl Future<Output = Result<Vec<Self::Answer>>> + Send;
}

/// Brings the questions about the same to an [`Answerer`]. Who comes when none is under way goes at once; who comes then
/// waits until that is answered, not for long, and goes together with all who came meanwhile. Nobody waits so that more
/// may come, and the more there is to do the less each question costs.
///
/// What is under way is never joined, so that no answer is older than its question.
pub(crate) struct Together<A: Answerer>(Arc<Inner<A>>);

struct Inner<A: Answerer> {
    answerer: A,
    lines: Mutex<HashMap<A::About, Line<A>>>,
}

/// What there is about the same. It is there while somebody has a turn.
struct Line<A: Answerer> {
    turns: usize,
    waiting: Vec<Waiting<A>>,
}

struct Waiting<A: Answerer> {
    question: A::Question,
    told: oneshot::Sender<Told<A>>,
}

type Told<A> = std::result::Result<<A as Answerer>::Answer, Arc<Error>>;

impl<A: Answerer> Together<A> {
    pub(crate) fn new(answerer: A) -> Self {
        Self(Arc::new(Inner { answerer, lines: Mutex::default() }))
    }

    /// The answer to a question. It is asked on behalf of the others when its caller goes away.
    ///
    /// # Errors
    /// As [`Answerer::answer`]. An error that another's question may have caused is not taken for an answer: the
    /// question is asked again, alone.
    pub(crate) async fn ask(&self, about: A::About, question: A::Question) -> Result<A::Answer> {
        let Some(mut told) = self.join(about, &question) else {
            let _turn = Turn { inner: Arc::clone(&self.0), about };
            return self.ask_alone(about, question).await;
        };
        let told = if let Ok(told) = timeout(PATIENCE, &mut told).await {
            told
        } else {
            self.overtake(about);
            told.await
        };
        match told {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(error)) if error.code() == Code::ServiceUnavailable => Err(error.again()),
            Ok(Err(_)) | Err(_) => self.ask_alone(about, question).await,
        }
    }

    /// Waits for the end of a turn. `None` where there is none: it is the caller's.
    fn join(&self, about: A::About, question: &A::Question) -> Option<oneshot::Receiver<Told<A>>> {
        let mut lines = self.0.lines();
        let line = lines.entry(about).or_insert_with(|| Line { turns: 0, waiting: Vec::new() });
        if line.turns == 0 {
            line.turns = 1;
            return None;
        }
        let (sender, told) = oneshot::channel();
        line.waiting.push(Waiting { question: question.clone(), told: sender });
        if line.waiting.len() >= MOST {
            self.begin_turn(about, line);
        }
        Some(told)
    }

    /// Lets those who wait, if there are any, go on beside what is under way.
    fn overtake(&self, about: A::About) {
        let mut lines = self.0.lines();
        if let Some(line) = lines.get_mut(&about).filter(|line| !line.waiting.is_empty()) {
            self.begin_turn(about, line);
        }
    }

    fn begin_turn(&self, about: A::About, line: &mut Line<A>) {
        line.turns += 1;
        let turn = Turn { inner: Arc::clone(&self.0), about };
        tokio::spawn(turn.take(mem::take(&mut line.waiting)));
    }

    /// The answer to a question that goes with no other.
    ///
    /// # Errors
    /// As [`Answerer::answer`].
    async fn ask_alone(&self, about: A::About, question: A::Question) -> Result<A::Answer> {
        let answers = self.0.answerer.answer(about, vec![question]).await?;
        answers.into_iter().next().ok_or_else(|| Error::internal("a question without an answer"))
    }
}

impl<A: Answerer> Inner<A> {
    fn lines(&self) -> MutexGuard<'_, HashMap<A::About, Line<A>>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The right to ask. When it ends, however it does, it goes to those who wait.
struct Turn<A: Answerer> {
    inner: Arc<Inner<A>>,
    about: A::About,
}

impl<A: Answerer> Turn<A> {
    async fn take(self, all: Vec<Waiting<A>>) {
        let (questions, waiting): (Vec<_>, Vec<_>) =
            all.into_iter().map(|waiting| (waiting.question, waiting.told)).unzip();
        // Who has gone away is not told.
        match self.inner.answerer.answer(self.about, questions).await {
            Ok(answers) => {
                for (told, answer) in waiting.into_iter().zip(answers) {
                    let _ = told.send(Ok(answer));
                }
            }
            Err(error) => {
                let error = Arc::new(error);
                for told in waiting {
                    let _ = told.send(Err(Arc::clone(&error)));
                }
            }
        }
    }
}

impl<A: Answerer> Drop for Turn<A> {
    fn drop(&mut self) {
        let mut lines = self.inner.lines();
        let Some(line) = lines.get_mut(&self.about) else { return };
        let waiting = mem::take(&mut line.waiting);
        // Without a runtime nobody asks any more: who waits is told by the end of its channel.
        if let (false, Ok(runtime)) = (waiting.is_empty(), Handle::try_current()) {
            runtime.spawn(Self { inner: Arc::clone(&self.inner), about: self.about }.take(waiting));
            return;
        }
        line.turns -= 1;
        if line.turns == 0 {
            lines.remove(&self.about);
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

    /// Answers ten times the number when it is let, and notes what was asked together.
    struct TenTimes {
        let_go: Semaphore,
        noted: mpsc::UnboundedSender<Vec<u32>>,
    }

    impl Answerer for TenTimes {
        type About = char;
        type Question = u32;
        type Answer = u32;

        async fn answer(&self, _: char, questions: Vec<u32>) -> Result<Vec<u32>> {
            self.noted.send(questions.clone()).unwrap();
            self.let_go.acquire().await.unwrap().forget();
            match questions {
                questions if questions == [0] => pending().await,
                questions if questions.contains(&13) => Err(Error::conflict("thirteen")),
                questions if questions.contains(&404) => Err(Error::unavailable("away")),
                questions => Ok(questions.into_iter().map(|question| question * 10).collect()),
            }
        }
    }

    impl Together<TenTimes> {
        fn noted() -> (Self, mpsc::UnboundedReceiver<Vec<u32>>) {
            let (noted, seen) = mpsc::unbounded_channel();
            (Self::new(TenTimes { let_go: Semaphore::new(0), noted }), seen)
        }

        fn let_go(&self, times: usize) {
            self.0.answerer.let_go.add_permits(times);
        }
    }

    impl<A: Answerer> Together<A> {
        fn is_idle(&self) -> bool {
            self.0.lines().is_empty()
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
        let (asked, mut seen) = Together::noted();
        let first = asks!(asked, 'a', 1);
        let second = asks!(asked, 'a', 2);
        let other = asks!(asked, 'b', 7);
        let third = asks!(asked, 'a', 3);
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![1], vec![7]));
        assert!(seen.try_recv().is_err(), "two wait");
        asked.let_go(3);
        assert_eq!(
            (first.await.unwrap(), other.await.unwrap(), second.await.unwrap(), third.await.unwrap()),
            (10, 70, 20, 30)
        );
        assert_eq!(seen.recv().await.unwrap(), [2, 3]);
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn many_do_not_wait_for_what_is_under_way() {
        let (asked, mut seen) = Together::noted();
        let first = asks!(asked, 'a', 1);
        let mut many = Vec::new();
        for question in (20..).take(MOST) {
            many.push(asks!(asked, 'a', question));
        }
        let late = asks!(asked, 'a', 99);
        yield_now().await;
        assert_eq!((seen.recv().await.unwrap().len(), seen.recv().await.unwrap().len()), (1, MOST));
        assert!(seen.try_recv().is_err(), "the late one waits");
        asked.let_go(3);
        let answers = join_all(many).await;
        assert!(answers.into_iter().zip(20..).all(|(answer, question)| answer.unwrap() == question * 10));
        assert_eq!((first.await.unwrap(), late.await.unwrap()), (10, 990));
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn what_leads_nowhere_is_not_waited_for() {
        let (asked, mut seen) = Together::noted();
        let (stuck, second, third) = (asks!(asked, 'a', 0), asks!(asked, 'a', 2), asks!(asked, 'a', 3));
        asked.let_go(2);
        let (second, third) = timeout(10 * PATIENCE, async { tokio::join!(second, third) }).await.unwrap();
        assert_eq!((second.unwrap(), third.unwrap()), (20, 30));
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![0], vec![2, 3]));
        assert!(!asked.is_idle());
        drop(stuck);
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn who_goes_away_keeps_nobody_waiting() {
        let (asked, mut seen) = Together::noted();
        let (first, gone, third) = (asks!(asked, 'a', 1), asks!(asked, 'a', 2), asks!(asked, 'a', 3));
        drop((first, gone));
        asked.let_go(1);
        assert_eq!(third.await.unwrap(), 30);
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![1], vec![2, 3]));
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn an_error_of_one_is_not_the_answer_of_another() {
        let (asked, mut seen) = Together::noted();
        let (first, bad, good) = (asks!(asked, 'a', 1), asks!(asked, 'a', 13), asks!(asked, 'a', 3));
        asked.let_go(4);
        assert_eq!((first.await.unwrap(), good.await.unwrap()), (10, 30));
        assert_eq!(bad.await.unwrap_err().code(), Code::Conflict);
        let askings: Vec<_> = std::iter::from_fn(|| seen.try_recv().ok()).collect();
        assert_eq!(askings, [vec![1], vec![13, 3], vec![3], vec![13]]);
        assert!(asked.is_idle());
    }

    #[tokio::test]
    async fn when_nobody_can_be_asked_all_are_told_at_once() {
        let (asked, mut seen) = Together::noted();
        let (first, away, also) = (asks!(asked, 'a', 1), asks!(asked, 'a', 404), asks!(asked, 'a', 3));
        asked.let_go(2);
        assert_eq!(first.await.unwrap(), 10);
        for told in [away.await, also.await] {
            assert_eq!(told.unwrap_err().code(), Code::ServiceUnavailable);
        }
        assert_eq!((seen.recv().await.unwrap(), seen.recv().await.unwrap()), (vec![1], vec![404, 3]));
        assert!(seen.try_recv().is_err() && asked.is_idle());
    }

    /// Answers each number with the next one, now sooner, now later.
    struct Successor;

    impl Answerer for Successor {
        type About = u32;
        type Question = u32;
        type Answer = u32;

        async fn answer(&self, _: u32, questions: Vec<u32>) -> Result<Vec<u32>> {
            tokio::time::sleep(Duration::from_micros(u64::from(questions[0]) % 900)).await;
            assert!(!questions.contains(&1_234), "this one panics");
            Ok(questions.into_iter().map(|question| question + 1).collect())
        }
    }

    /// Thousands that come, wait, and are given up at any moment; some askings panic.
    #[tokio::test(flavor = "multi_thread", worker_threads = 4)]
    async fn no_question_is_lost_and_none_gets_the_answer_of_another() {
        let together = Arc::new(Together::new(Successor));
        let answered = Arc::new(AtomicUsize::new(0));
        let askers = (0..4_000_u32).map(|number| {
            let (together, answered) = (Arc::clone(&together), Arc::clone(&answered));
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_micros(u64::from(number) * 37 % 100_000)).await;
                let patience = Duration::from_micros(u64::from(number) * 31 % 20_000);
                if let Ok(answer) = timeout(patience, together.ask(number % 3, number)).await {
                    assert_eq!(answer.unwrap(), number + 1);
                    answered.fetch_add(1, Ordering::Relaxed);
                }
            })
        });
        let ended = join_all(askers).await;
        // Who asked it alone; the others of its turn ask again.
        assert!(ended.iter().filter(|ended| ended.is_err()).count() <= 1);
        assert!(answered.load(Ordering::Relaxed) > 1_000, "{answered:?}");
        while !together.is_idle() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
}
