//! The effects of commands on the clients of a running server.

use std::thread;
use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use crate::support::binary::{Home, Process, Reply, Server};
use crate::support::cluster::{LentDatabase, SHARED, TEMPLATE};
use crate::support::token::{claims, header};

/// A workspace `acme` and a server, on one database.
struct Site {
    home: Home,
    server: Server,
    key: String,
    program: String,
    _database: LentDatabase,
}

impl Site {
    async fn open() -> Self {
        let database = SHARED.lend(TEMPLATE).await;
        let home = Home::with_database(&database.url);
        let made = home.json("workspace create --name Acme --slug acme --plan enterprise");
        let server = Server::start(&mut home.pearset());
        Self { server, key: text(&made["apiKey"]), program: text(&made["programId"]), home, _database: database }
    }

    fn update(&self, flags: &str) {
        self.home.json(&format!("program update {} {flags}", self.program));
    }

    fn mint(&self, key: &str, email: &str) -> Reply {
        self.server.post("/tokens/embed/referrals", key, &json!({ "partner": { "email": email } }))
    }

    /// Enrolls a partner with a token request, and returns the partner.
    fn partner(&self, email: &str) -> Value {
        let partner = text(&claims(&self.mint(&self.key, email).expect(201))["pid"]);
        self.server.get(&format!("/partners/{partner}"), &self.key).expect(200)
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap().to_owned()
}

#[tokio::test]
async fn key_has_its_scopes_until_expiry_or_revocation() {
    let site = Site::open().await;
    let create = |flags: &str| site.home.json(&format!("key create --workspace acme {flags}"));
    let rows = [
        ("", [201, 201]),
        ("--scopes tokens.write", [201, 403]),
        ("--scopes partners.write,links.read", [403, 201]),
        ("--scopes apis.read", [403, 403]),
        ("--expires 2099-12-31T23:59:59Z", [201, 201]),
        ("--expires 2020-01-01T00:00:00+02:00", [401, 401]),
    ];
    for (flags, statuses) in rows {
        let key = text(&create(flags)["apiKey"]);
        let enroll = site.server.post("/partners", &key, &json!({ "email": "jane@example.com" }));
        assert_eq!([site.mint(&key, "jane@example.com").status, enroll.status], statuses, "{flags}");
    }

    let key = create("--name Reports --scopes tokens.write");
    let (id, secret) = (text(&key["keyId"]), text(&key["apiKey"]));
    site.mint(&secret, "jane@example.com").expect(201);
    site.home.json(&format!("key revoke {id}"));
    let revoked = Instant::now();
    while site.mint(&secret, "jane@example.com").status != 401 {
        assert!(revoked.elapsed() < Duration::from_secs(2), "servers reject a revoked key within a second");
        thread::sleep(Duration::from_millis(50));
    }
    let keys = site.home.json("key list --workspace acme");
    let listed = keys.as_array().unwrap().iter().find(|key| key["id"] == id.as_str()).unwrap();
    assert_eq!((&listed["name"], &listed["scopes"]), (&json!("Reports"), &json!(["tokens.write"])));
    assert!(listed["revokedAt"].is_string() && !keys.to_string().contains(&secret));
}

#[tokio::test]
async fn key_of_a_program_enrolls_in_that_program() {
    let site = Site::open().await;
    let second = site.home.json("program create --workspace acme --name Second --host go.second.example");
    let program = text(&second["programId"]);
    let key = text(&site.home.json(&format!("key create --workspace acme --program {program}"))["apiKey"]);
    let partner = site.server.post("/partners", &key, &json!({ "email": "jane@example.com" })).expect(201);
    assert_eq!((&partner["programId"], &partner["groupId"]), (&second["programId"], &second["groupId"]));
    assert_eq!(partner["links"][0]["domain"], "go.second.example");
    assert_eq!(site.partner("jane@example.com")["programId"], site.program, "the first key means the default program");
}

#[tokio::test]
async fn change_of_a_program_takes_effect_at_the_next_request() {
    let site = Site::open().await;
    assert_eq!(site.partner("public@example.com")["status"], "approved");
    site.update("--access-mode private");
    assert_eq!(site.partner("private@example.com")["status"], "pending");
    site.update("--access-mode invite");
    site.mint(&site.key, "uninvited@example.com").expect(403);
    site.partner("public@example.com");
    site.update("--access-mode public");
    assert_eq!(site.partner("again@example.com")["status"], "approved");

    let lifetime = |token: &Value| claims(token)["exp"].as_i64().unwrap() - claims(token)["iat"].as_i64().unwrap();
    for (flags, seconds) in [("--name Renamed", 3600), ("--token-lifetime 60", 60), ("--token-lifetime 10800", 10_800)]
    {
        site.update(flags);
        assert_eq!(lifetime(&site.mint(&site.key, "public@example.com").expect(201)), seconds, "{flags}");
    }

    site.update("--url HTTPS://Shop.Example/start");
    assert_eq!(site.partner("url@example.com")["links"][0]["url"], "https://shop.example/start");
    let program = &site.home.json("program list --workspace acme")[0];
    assert_eq!((&program["name"], &program["url"]), (&json!("Renamed"), &json!("https://shop.example/start")));

    // The portal is at the site until the program has a portal URL.
    let portal = || {
        let body = json!({ "programId": site.program, "partner": { "email": "portal@example.com" } });
        let answer = site.server.post("/embed/token", &site.key, &body).expect(201);
        let listed = &site.home.json("program list --workspace acme")[0];
        assert_eq!(answer["data"]["portalUrl"], listed["portalUrl"]);
        text(&listed["portalUrl"])
    };
    assert_eq!(portal(), "https://shop.example/start");
    site.update("--portal-url partners.shop.example");
    assert_eq!(portal(), "https://partners.shop.example/");
}

/// Existing links follow as after the change of a group, and the allowed hosts of each group apply.
#[tokio::test]
async fn default_links_follow_the_site() {
    let site = Site::open().await;
    site.update("--url https://acme.example/");
    let jane = site.partner("jane@example.com");
    let links = || site.partner("jane@example.com")["links"].clone();
    assert_eq!(jane["links"][0]["url"], "https://acme.example/");
    site.update("--url https://acme.example/start");
    assert_eq!(
        (&links()[0]["url"], &links()[0]["id"]),
        (&json!("https://acme.example/start"), &jane["links"][0]["id"])
    );

    let group = json!({ "allowedHosts": ["acme.example"] });
    let authorization = format!("Bearer {}", site.key);
    let headers = [("Authorization", authorization.as_str()), ("Content-Type", "application/json")];
    site.server.send(&Method::PATCH, "/groups/default", &headers, &group.to_string()).expect(200);
    let refused = site.home.run(&format!("program update {} --url https://shop.example", site.program)).refused();
    assert!(refused.contains("\"default\" does not allow links to https://shop.example/"), "{refused}");
    assert_eq!(links()[0]["url"], "https://acme.example/start");
    let program = &site.home.json("program list --workspace acme")[0];
    assert_eq!(program["url"], "https://acme.example/start", "the failed command has changed nothing");
    site.update("--url https://acme.example/again");
    assert_eq!(links()[0]["url"], "https://acme.example/again");
}

#[tokio::test]
async fn links_live_on_added_domains() {
    let site = Site::open().await;
    let go = site.home.json("domain add --workspace acme --host GO.acme.example");
    assert_eq!((&go["domain"], &go["url"]), (&json!("go.acme.example"), &json!("https://go.acme.example/")));
    let page = site.home.json("domain add --workspace acme --url-prefix https://acme.example?via= --additional");
    assert_eq!(site.partner("before@example.com")["links"][0]["domain"], "acme.localhost");
    site.update(&format!("--default-domain {}", text(&go["domainId"])));
    let link = &site.partner("after@example.com")["links"][0];
    assert_eq!(
        (&link["domain"], &link["shortLink"]),
        (&json!("go.acme.example"), &json!("https://go.acme.example/after"))
    );

    let offered = site.server.get("/partner_referral_links:domains", &site.key).expect(200);
    let offered: Vec<_> =
        offered["data"].as_array().unwrap().iter().map(|d| (&d["url"], &d["is_additional"])).collect();
    assert_eq!(offered[0], (&json!("https://go.acme.example/"), &json!(false)), "the default domain is first");
    assert!(
        offered.contains(&(&json!("https://acme.example?via="), &json!(true))) && offered.len() == 3,
        "{offered:?}"
    );

    let wanted = json!({
        "key": "summer", "domain_id": page["domainId"], "is_additional": true,
        "partner": { "email": "after@example.com" },
    });
    let made = site.server.post("/partner_referral_links", &site.key, &wanted).expect(201);
    assert_eq!(made["data"]["url"], "https://acme.example?via=summer");

    let listed = site.home.json("domain list --workspace acme");
    let listed: Vec<_> = listed.as_array().unwrap().iter().map(|d| (&d["host"], &d["isDefault"])).collect();
    let expected = [("go.acme.example", true), ("acme.localhost", false), ("acme.example", false)];
    assert_eq!(listed, expected.map(|(host, default)| (host.into(), default.into())).each_ref().map(|(h, d)| (h, d)));
}

#[tokio::test]
async fn new_signing_key_is_published_two_minutes_before_it_signs() {
    let site = Site::open().await;
    let old = header(&site.mint(&site.key, "jane@example.com").expect(201))["kid"].clone();
    let new = site.home.json("signing-key rotate")["kid"].clone();

    let listed = site.home.json("signing-key list");
    let time = |key: usize, member: &str| {
        let text = listed[key][member].as_str().expect("a time");
        time::OffsetDateTime::parse(text, &time::format_description::well_known::Rfc3339).unwrap()
    };
    assert_eq!([&listed[0]["kid"], &listed[1]["kid"]], [&old, &new]);
    assert_eq!(time(1, "activeFrom") - time(1, "createdAt"), Duration::from_mins(2));
    assert!(time(0, "retiredAt") - time(1, "activeFrom") >= Duration::from_hours(3), "no token outlives its key");
    assert!(listed[1]["retiredAt"].is_null());

    // A running server looks for new keys every 20 s; a starting server immediately.
    let another = Server::start(&mut site.home.pearset());
    let published = another.send(&Method::GET, "/.well-known/jwks.json", &[], "").expect(200);
    let kids: Vec<_> = published["keys"].as_array().unwrap().iter().map(|key| &key["kid"]).collect();
    assert_eq!(kids, [&old, &new]);
    for server in [&site.server, &another] {
        let body = json!({ "partner": { "email": "jane@example.com" } });
        let token = server.post("/tokens/embed/referrals", &site.key, &body).expect(201);
        assert_eq!(header(&token)["kid"], old);
    }
}

#[tokio::test]
async fn operators_own_signing_key_signs_and_cannot_be_rotated() {
    let pem = new_pem();
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    let key = text(&home.json("workspace create --name Acme --slug acme --plan enterprise")["apiKey"]);
    let file = home.path().join("key.pem");
    std::fs::write(&file, &pem).unwrap();
    let by_variable = Server::start(home.pearset().env("PEARSET_SIGNING_KEY", &pem));
    let by_file = Server::start(home.pearset().env("PEARSET_SIGNING_KEY_FILE", "key.pem"));
    let kids = [&by_variable, &by_file].map(|server| {
        let published = server.send(&Method::GET, "/.well-known/jwks.json", &[], "").expect(200);
        let body = json!({ "partner": { "email": "jane@example.com" } });
        let token = server.post("/tokens/embed/referrals", &key, &body).expect(201);
        assert_eq!(published["keys"].as_array().unwrap().len(), 1);
        assert_eq!(published["keys"][0]["kid"], header(&token)["kid"]);
        header(&token)["kid"].clone()
    });
    assert_eq!(kids[0], kids[1]);
    assert_eq!(home.json("signing-key list"), json!([]), "no unused key is created");

    let mut rotate = home.pearset();
    rotate.args(["signing-key", "rotate"]).env("PEARSET_SIGNING_KEY_FILE", "key.pem");
    let refusal = Process::spawn(&mut rotate).finish().refused();
    assert!(refusal.contains("PEARSET_SIGNING_KEY_FILE"), "{refusal}");
}

/// Once the operator's own key signs, an old copy of the database must not be enough to sign tokens.
#[tokio::test(flavor = "multi_thread")]
async fn stored_keys_can_be_retired_once_the_operators_own_key_signs() {
    let database = SHARED.lend(TEMPLATE).await;
    let home = Home::with_database(&database.url);
    home.json("signing-key rotate");
    let refusal = Process::spawn(home.pearset().args(["signing-key", "retire"])).finish().refused();
    assert!(refusal.contains("signing-key rotate"), "{refusal}");

    std::fs::write(home.path().join("key.pem"), new_pem()).unwrap();
    let mut retire = home.pearset();
    retire.args(["signing-key", "retire", "--json"]).env("PEARSET_SIGNING_KEY_FILE", "key.pem");
    Process::spawn(&mut retire).finish().succeeded();
    let listed = home.json("signing-key list");
    let keys = listed.as_array().unwrap();
    assert!(!keys.is_empty() && keys.iter().all(|key| key["retiredAt"].is_string()), "{listed}");
}

/// Returns a new signing key of an operator's own.
fn new_pem() -> String {
    let pair = aws_lc_rs::signature::EcdsaKeyPair::generate(&aws_lc_rs::signature::ECDSA_P256_SHA256_FIXED_SIGNING);
    let pair = pair.unwrap();
    let der = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, pair.to_pkcs8v1().unwrap().as_ref());
    format!("-----BEGIN PRIVATE KEY-----\n{der}\n-----END PRIVATE KEY-----\n")
}
