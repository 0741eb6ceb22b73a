//! Clients that create, repeat, link and rename, and each keeps the history of its own partners.

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
/// Links of a partner, besides the default one.
const MOST_LINKS: u32 = 3;
/// Before the same request is sent again.
const PAUSE: Duration = Duration::from_millis(30);
/// After the last fault everything is known within this time.
const LAST_WORD: Duration = Duration::from_secs(30);

/// What was acknowledged of one partner.
#[derive(Debug, Clone)]
pub(crate) struct Partner {
    pub(crate) enrollment: String,
    id: String,
    pub(crate) links: u32,
    /// How often it was renamed; the number is in the name.
    pub(crate) names: u32,
}

/// What one client knows: its partners, in the order in which they were made.
pub(crate) type History = Vec<Partner>;

/// What the clients have in common.
pub(crate) struct Load {
    pub(crate) client: Client,
    pub(crate) tally: Tally,
    pub(crate) seed: u64,
    over: Mutex<Option<Instant>>,
    stopped: AtomicBool,
    /// E-mails of creating calls that got no answer at the first attempt: nobody has asked for these before.
    unanswered: Mutex<Vec<String>>,
}

/// The e-mail, without its domain, and the tenant id of a partner.
pub(crate) fn name(client: usize, partner: usize) -> String {
    format!("c{client}-{partner}")
}

/// The call that creates or finds a partner.
pub(crate) fn token_call(name: &str) -> Call {
    let partner = json!({ "email": format!("{name}@example.com"), "tenantId": name });
    Call { method: Method::POST, path: TOKENS.to_owned(), body: json!({ "partner": partner }) }
}

impl Load {
    pub(crate) fn new(client: Client, seed: u64) -> Self {
        let (over, stopped) = (Mutex::default(), AtomicBool::new(false));
        Self { client, tally: Tally::new(), seed, over, stopped, unanswered: Mutex::default() }
    }

    /// Nobody begins anything new.
    pub(crate) fn stop(&self) {
        *self.over.lock().expect("nobody panics with it") = Some(Instant::now() + LAST_WORD);
        self.stopped.store(true, Relaxed);
    }

    /// The creating calls without an answer since the last time.
    pub(crate) fn take_unanswered(&self) -> Vec<String> {
        std::mem::take(&mut self.unanswered.lock().expect("nobody panics with it"))
    }

    /// Works until it is told to stop.
    pub(crate) async fn work(self: Arc<Self>, client: usize) -> History {
        let mut random = StdRng::seed_from_u64(self.seed ^ (client as u64 + 1) << 32);
        let mut history = History::new();
        while !self.stopped.load(Relaxed) {
            let known = history.len();
            let turn = if known == 0 { 0 } else { random.random_range(0..100) };
            // Somebody of late: his rows may still be under way.
            let partner = random.random_range(known.saturating_sub(100)..known.max(1));
            let done = match turn {
                0..50 => self.create(client, &mut history).await,
                50..70 => self.find(client, partner, &history[partner]).await,
                70..85 if history[partner].links < MOST_LINKS => self.link(client, partner, &mut history).await,
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
        let first = || self.unanswered.lock().expect("nobody panics with it").push(format!("{name}@example.com"));
        let answer = self.until_known(&token_call(&name), 201, first).await?;
        let claims = claims(&answer)?;
        let text = |name: &str| claims[name].as_str().unwrap_or_default().to_owned();
        history.push(Partner { enrollment: text("sub"), id: text("pid"), links: 0, names: 0 });
        self.acknowledged();
        Some(())
    }

    async fn find(&self, client: usize, number: usize, partner: &Partner) -> Option<()> {
        let name = name(client, number);
        let answer = self.until_known(&token_call(&name), 201, || ()).await?;
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
        self.until_known(&call, 200, || ()).await?;
        partner.links += 1;
        self.acknowledged();
        Some(())
    }

    async fn rename(&self, client: usize, number: usize, history: &mut History) -> Option<()> {
        let partner = &mut history[number];
        let body = json!({ "name": format!("{} {}", name(client, number), partner.names + 1) });
        let call = Call { method: Method::PATCH, path: format!("/partners/{}", partner.id), body };
        self.until_known(&call, 200, || ()).await?;
        partner.names += 1;
        self.acknowledged();
        Some(())
    }

    /// Sends the same request until there is an answer that is no 503. `None` when it is another than expected, or
    /// when there is none in the end: the client then ends. Tells when the first attempt got no answer at all.
    async fn until_known(&self, call: &Call, expected: u16, unanswered: impl Fn()) -> Option<Value> {
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
            if self.over.lock().expect("nobody panics with it").is_some_and(|end| end < Instant::now()) {
                self.tally.violation(format!("{what}: its outcome stays unknown"));
                return None;
            }
            sleep(PAUSE).await;
        }
        None
    }

    fn acknowledged(&self) {
        self.tally.current().acknowledged.fetch_add(1, Relaxed);
    }
}

/// What is in the token of an answer.
pub(crate) fn claims(answer: &Value) -> Option<Value> {
    let part = answer["publicToken"].as_str()?.split('.').nth(1)?;
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}
