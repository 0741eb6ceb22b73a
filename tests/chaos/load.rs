//! Clients that create partners, repeat requests, create links and rename partners. Each client keeps the history of
//! its own partners.

use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use http::Method;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use serde_json::{Value, json};
use tokio::time::sleep;

use super::client::{Call, Client, Outcome};
use super::tally::Tally;

pub(crate) const TOKENS: &str = "/tokens/embed/referrals";
/// The maximum number of links of a partner, without the default link.
const MAX_LINKS: u32 = 3;
/// The pause before the same request is sent again.
const RETRY_PAUSE: Duration = Duration::from_millis(30);
/// The time after the last fault within which the outcome of every request must be known.
const MAX_SETTLING: Duration = Duration::from_secs(30);

/// The acknowledged state of one partner.
#[derive(Debug, Clone)]
pub(crate) struct Partner {
    pub(crate) enrollment: String,
    id: String,
    pub(crate) links: u32,
    /// The number of renames, which is part of the name.
    pub(crate) names: u32,
}

/// The knowledge of one client: its partners, in the order of their creation.
pub(crate) type History = Vec<Partner>;

/// The state that all clients share.
pub(crate) struct Load {
    pub(crate) client: Client,
    pub(crate) tally: Tally,
    pub(crate) seed: u64,
    over: Mutex<Option<Instant>>,
    stopped: AtomicBool,
    /// E-mail addresses of creating requests whose first attempt got no answer. No earlier request had these addresses.
    unanswered: Mutex<Vec<String>>,
}

/// Returns the tenant id of a partner, which is also the local part of the e-mail address.
pub(crate) fn name(client: usize, partner: usize) -> String {
    format!("c{client}-{partner}")
}

/// Returns the request that creates or finds a partner.
pub(crate) fn token_call(name: &str) -> Call {
    let partner = json!({ "email": format!("{name}@example.com"), "tenantId": name });
    Call { method: Method::POST, path: TOKENS.to_owned(), body: json!({ "partner": partner }) }
}

impl Load {
    pub(crate) fn new(client: Client, seed: u64) -> Self {
        let (over, stopped) = (Mutex::default(), AtomicBool::new(false));
        Self { client, tally: Tally::new(), seed, over, stopped, unanswered: Mutex::default() }
    }

    /// Stops the clients from beginning new work.
    pub(crate) fn stop(&self) {
        *self.over.lock().expect("no thread panics with the lock") = Some(Instant::now() + MAX_SETTLING);
        self.stopped.store(true, Relaxed);
    }

    /// Returns the e-mail addresses of creating requests without an answer since the last call.
    pub(crate) fn take_unanswered(&self) -> Vec<String> {
        std::mem::take(&mut self.unanswered.lock().expect("no thread panics with the lock"))
    }

    /// Sends requests until [`Self::stop`].
    pub(crate) async fn work(self: Arc<Self>, client: usize) -> History {
        let mut random = StdRng::seed_from_u64(self.seed ^ (client as u64 + 1) << 32);
        let mut history = History::new();
        while !self.stopped.load(Relaxed) {
            let known = history.len();
            let turn = if known == 0 { 0 } else { random.random_range(0..100) };
            // Chooses a recent partner, whose rows may still be uncommitted.
            let partner = random.random_range(known.saturating_sub(100)..known.max(1));
            let done = match turn {
                0..50 => self.create(client, &mut history).await,
                50..70 => self.find(client, partner, &history[partner]).await,
                70..85 if history[partner].links < MAX_LINKS => self.link(client, partner, &mut history).await,
                _ => self.rename(client, partner, &mut history).await,
            };
            if done.is_none() {
                break;
            }
        }
        history
    }

    async fn create(&self, client: usize, history: &mut History) -> Option<()> {
        let name = name(client, history.len());
        let unanswered = || {
            let mut unanswered = self.unanswered.lock().expect("no thread panics with the lock");
            unanswered.push(format!("{name}@example.com"));
        };
        let answer = self.send_until_known(&token_call(&name), 201, unanswered).await?;
        let claims = claims(&answer)?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        history.push(Partner { enrollment: text("sub"), id: text("pid"), links: 0, names: 0 });
        self.acknowledged();
        Some(())
    }

    async fn find(&self, client: usize, number: usize, partner: &Partner) -> Option<()> {
        let name = name(client, number);
        let answer = self.send_until_known(&token_call(&name), 201, || ()).await?;
        if claims(&answer)?["sub"] != json!(partner.enrollment) {
            self.tally.violation(format!("{name} is enrolled a second time"));
        }
        Some(())
    }

    async fn link(&self, client: usize, number: usize, history: &mut History) -> Option<()> {
        let (name, partner) = (name(client, number), &mut history[number]);
        let url = format!("https://example.com/{name}/{}", partner.links);
        let body = json!({ "tenantId": name, "url": url });
        let call = Call { method: Method::PUT, path: "/partners/links/upsert".to_owned(), body };
        self.send_until_known(&call, 200, || ()).await?;
        partner.links += 1;
        self.acknowledged();
        Some(())
    }

    async fn rename(&self, client: usize, number: usize, history: &mut History) -> Option<()> {
        let partner = &mut history[number];
        let body = json!({ "name": format!("{} {}", name(client, number), partner.names + 1) });
        let call = Call { method: Method::PATCH, path: format!("/partners/{}", partner.id), body };
        self.send_until_known(&call, 200, || ()).await?;
        partner.names += 1;
        self.acknowledged();
        Some(())
    }

    /// Sends the same request until the answer is not a 503. Returns `None` for an unexpected answer and for a request
    /// that stays without an answer; the client then ends. Calls `unanswered` if the first attempt got no answer.
    async fn send_until_known(&self, call: &Call, expected: u16, unanswered: impl Fn()) -> Option<Value> {
        let what = format!("{} {}", call.method, call.path);
        for attempt in 1.. {
            let (before, begin) = (self.tally.calm(), Instant::now());
            let outcome = self.client.send(call).await;
            let answered = self.tally.judge(begin, before, &outcome, &what);
            match outcome {
                Outcome::Answer { status, body, .. } if answered => {
                    if status == expected {
                        return Some(body);
                    }
                    self.tally.violation(format!("{what}: {status} {body}"));
                    return None;
                }
                Outcome::Broken if attempt == 1 => unanswered(),
                _ => {}
            }
            if self.over.lock().expect("no thread panics with the lock").is_some_and(|end| end < Instant::now()) {
                self.tally.violation(format!("{what}: the outcome stays unknown"));
                return None;
            }
            sleep(RETRY_PAUSE).await;
        }
        None
    }

    fn acknowledged(&self) {
        self.tally.current().acknowledged.fetch_add(1, Relaxed);
    }
}

/// Returns the claims of the token in an answer.
pub(crate) fn claims(answer: &Value) -> Option<Value> {
    let part = answer["publicToken"].as_str()?.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
