//! Accepted and refused values of a partner's members, on both routes that take a partner. `request_problems` tests the
//! answers to refused requests.

use serde_json::{Value, json};

use super::fixtures::{NOTHING, World};

const TYPE: &str = "invalid_type";
const FORMAT: &str = "invalid_format";
const VALUE: &str = "invalid_value";
const SMALL: &str = "too_small";
const BIG: &str = "too_big";
const CUSTOM: &str = "custom";

/// Returns a partner with one member set; `linkProps.title` sets a member of `linkProps`.
fn partner_with(field: &str, value: Value, index: usize) -> Value {
    let mut partner = json!({ "email": format!("partner-{index}@example.com") });
    match field.split_once('.') {
        Some((object, field)) => partner[object] = json!({ field: value }),
        None => partner[field] = value,
    }
    partner
}

/// Sends each value in each member to both routes, and expects 201.
async fn accepted(fields: &[&str], values: &[Value]) {
    let world = World::start().await;
    for (index, (field, value)) in
        fields.iter().flat_map(|field| values.iter().map(move |value| (field, value))).enumerate()
    {
        let partner = partner_with(field, value.clone(), index);
        for answer in [world.partner(partner.clone()).await, world.token(json!({ "partner": partner })).await] {
            assert_eq!(answer.status, 201, "{field} {value}: {}", answer.body);
        }
    }
}

/// Sends each value in each member to both routes, and expects one problem with this code at this path below the member,
/// without the value, and no write.
async fn refused(fields: &[&str], values: &[(Value, &str, &str)]) {
    let mut world = World::start().await;
    for (field, (value, code, below)) in fields.iter().flat_map(|field| values.iter().map(move |row| (field, row))) {
        let partner = partner_with(field, value.clone(), 0);
        let path = format!("{field}{below}");
        for (answer, path) in [
            (world.partner(partner.clone()).await, path.clone()),
            (world.token(json!({ "partner": partner })).await, format!("partner.{path}")),
        ] {
            let error = answer.expect(422)["error"].clone();
            let problems = error["errors"].as_array().unwrap();
            let found: Vec<_> = problems.iter().map(|problem| (&problem["code"], &problem["path"])).collect();
            assert_eq!(found, [(&json!(code), &json!(path))], "{field} {value}");
            let message = error["message"].as_str().unwrap();
            let text = problems[0]["message"].as_str().unwrap();
            assert_eq!(message, format!("{code}: {path}: {text}"));
            assert!(!text.is_empty());
            let shown = value.as_str().filter(|value| value.len() > 3);
            assert!(!shown.is_some_and(|value| text.contains(value)), "{value} is shown: {text}");
        }
    }
    assert_eq!(world.written().await, NOTHING);
}

/// Returns rows with the same problem for several values.
fn all(code: &'static str, values: &[&str]) -> Vec<(Value, &'static str, &'static str)> {
    values.iter().map(|value| (json!(value), code, "")).collect()
}

#[tokio::test]
async fn emails_follow_the_documented_pattern() {
    let long = |length: usize| json!(format!("{}@example.com", "a".repeat(length - 12)));
    let mut good = [
        "a@b.co",
        "o'neil+tag@ex-ample.co.uk",
        "A_B-c.d@X.COM",
        "1@1.aa",
        "x_@a.bc",
        "-@a.bc",
        "+@a.bc",
        "a@a-.bc",
        "a@xn--mnchen-3ya.de",
    ]
    .map(|email| json!(email))
    .to_vec();
    good.push(long(190));
    accepted(&["email"], &good).await;

    let mut bad = all(
        FORMAT,
        &[
            "",
            " ",
            "a",
            "@x.com",
            "a@",
            "a..b@x.com",
            ".a@x.com",
            "a.@x.com",
            "a'@x.com",
            "user@localhost",
            "a@x.c",
            "a@-x.com",
            "a@.com",
            "a b@x.com",
            " a@x.com",
            "a@x.com ",
            "a@x.com\n",
            "a@x.com\nb@x.com",
            "a@x..com",
            "a@b@x.com",
            "jörg@x.com",
            "a@exämple.com",
            "a@x.c0m",
            "a@x_y.com",
            "\"a\"@x.com",
            "Jane <a@x.com>",
            "a@[127.0.0.1]",
            "a@x.com.",
            "a@x.com\u{0}",
        ],
    );
    bad.push((long(191), BIG, ""));
    bad.extend([json!(null), json!(1), json!(["a@x.com"]), json!({})].map(|value| (value, TYPE, "")));
    refused(&["email"], &bad).await;
}

#[tokio::test]
async fn texts_are_limited_in_characters_and_have_no_control_characters() {
    let mixed = json!("Ünï 中 \u{1f600} \u{7f} <script> '; -- \u{202e}");
    let fields = ["name", "description", "linkProps.title", "linkProps.comments", "linkProps.description"];
    accepted(&fields, &[mixed.clone(), json!("a\tb\nc"), json!(""), json!(" "), json!(null)]).await;
    accepted(&["tenantId", "linkProps.password"], &[mixed, json!("a\tb\nc"), json!(" ")]).await;
    for (field, most) in
        [("name", 100), ("description", 5_000), ("tenantId", 255), ("linkProps.externalId", 255), ("username", 100)]
    {
        accepted(&[field], &[json!("ä".repeat(most))]).await;
        refused(&[field], &[(json!("ä".repeat(most + 1)), BIG, "")]).await;
    }
    // A character outside the Basic Multilingual Plane counts once.
    accepted(&["name", "tenantId"], &[json!("\u{1f600}".repeat(100))]).await;
    refused(&["name"], &[(json!("\u{1f600}".repeat(101)), BIG, "")]).await;
    // These members are limited by the size of the request only.
    accepted(&["linkProps.title", "linkProps.comments", "linkProps.password"], &[json!("ä".repeat(40_000))]).await;
    refused(&["tenantId", "linkProps.externalId", "linkProps.tenantId"], &[(json!(""), SMALL, "")]).await;
    refused(&["linkProps.externalId"], &[(json!("ext_"), SMALL, "")]).await;
    accepted(&["linkProps.tenantId", "linkProps.externalId"], &[json!(null)]).await;
}

#[tokio::test]
async fn control_characters_are_refused_everywhere() {
    let fields = [
        "name",
        "username",
        "image",
        "tenantId",
        "groupId",
        "country",
        "description",
        "linkProps.externalId",
        "linkProps.tenantId",
        "linkProps.prefix",
        "linkProps.tagIds",
        "linkProps.tagNames",
        "linkProps.comments",
        "linkProps.expiresAt",
        "linkProps.expiredUrl",
        "linkProps.password",
        "linkProps.title",
        "linkProps.description",
        "linkProps.image",
        "linkProps.video",
        "linkProps.ios",
        "linkProps.android",
        "linkProps.testStartedAt",
        "linkProps.testCompletedAt",
    ];
    refused(&fields, &all(FORMAT, &["a\u{0}b", "\u{1f}", "a\r\n", "a\u{8}", "a\u{b}", "\u{1b}[31m"])).await;
    refused(&["linkProps.tagNames"], &[(json!(["a", "b\u{0}"]), FORMAT, "[1]")]).await;
}

#[tokio::test]
async fn usernames_must_be_valid_link_keys() {
    let good =
        ["a", "JaneD", "jane.doe", "jane-doe", "jane_doe", "Jörg", "日本", "c/jane", "1", "robots.txt.bak", "-a", ".a"];
    accepted(&["username"], &good.map(|name| json!(name))).await;
    accepted(&["username"], &[json!(null)]).await;
    let bad = [
        "_a", "a b", "a\tb", " ", "a@b", "a+b", "a&b", "a'b", "a%b", "a?b", "a#b", "a\\b", "a:b", "a<b", "/a", "a//b",
        "../a",
    ];
    refused(&["username"], &all(FORMAT, &bad)).await;
    let reserved = [
        "robots.txt",
        "Robots.TXT",
        "favicon.ico",
        "sitemap.xml",
        "manifest.json",
        "manifest.webmanifest",
        "apple-app-site-association",
        ".well-known",
        ".well-known/x",
        ".WELL-KNOWN/y",
    ];
    refused(&["username"], &all(VALUE, &reserved)).await;
}

#[tokio::test]
async fn prefixes_must_be_valid_paths() {
    accepted(&["linkProps.prefix"], &["/c/", "c", "/c", "c/", "/a/b/", "/", "", "/É/"].map(|text| json!(text))).await;
    refused(&["linkProps.prefix"], &all(FORMAT, &["_c", "/_c/", "a b", "/c?x/", "/a//b/", "/../", "/c#/"])).await;
    refused(&["linkProps.prefix"], &all(VALUE, &["/.well-known/", ".well-known/x"])).await;
    refused(&["linkProps.prefix"], &[(json!(null), TYPE, ""), (json!("é".repeat(51)), BIG, "")]).await;
    accepted(&["linkProps.prefix"], &[json!("é".repeat(50))]).await;
}

const URLS: [&str; 6] =
    ["image", "linkProps.expiredUrl", "linkProps.image", "linkProps.video", "linkProps.ios", "linkProps.android"];

#[tokio::test]
async fn urls_must_be_http_without_user_info() {
    let good = [
        "https://example.com",
        "http://example.com/a.png?x=1#y",
        "HTTPS://EXAMPLE.com/",
        "apple.com",
        "apple.com/store?x=1",
        "apple.com/login?next=https://apple.com/",
        "example.com:8443/x",
        "http://localhost:3000/cb",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://münchen.de/ä",
    ];
    accepted(&URLS, &good.map(|url| json!(url))).await;
    accepted(&URLS, &[json!(null)]).await;
    let bad = [
        " ",
        "foo",
        "foo/bar.png",
        "javascript:alert(1)",
        "javascript://x.y/%0aalert(1)",
        "javascript:/x.y",
        "data:text/html,a.b",
        "mailto:a@b.c",
        "ftp://example.com/",
        "file:///etc/passwd",
        "https://",
        "https:/example.com/",
        "https:\\\\example.com\\x",
        "https://user@example.com/",
        "https://user:pass@example.com/",
        "user:pass@example.com",
        "user@example.com",
        "//example.com",
        "/a.b",
        "https://exa mple.com/",
        " https://example.com/",
        "https://example.com/\n",
        "https://example.com:99999/",
    ];
    refused(&URLS, &all(FORMAT, &bad)).await;
    let long = |length: usize| json!(format!("https://example.com/{}", "a".repeat(length - 20)));
    accepted(&["linkProps.expiredUrl", "linkProps.ios", "linkProps.android"], &[long(32_000)]).await;
    refused(&["linkProps.expiredUrl", "linkProps.ios", "linkProps.android"], &[(long(32_001), BIG, "")]).await;
}

#[tokio::test]
async fn countries_must_be_iso_3166_codes() {
    accepted(&["country"], &["DE", "US", "GB", "NO", "TW", "ZW"].map(|code| json!(code))).await;
    accepted(&["country"], &[json!(null)]).await;
    refused(&["country"], &all(VALUE, &["", "de", "De", "USA", "UK", "EU", "XX", "ZZ", "D", "276", " DE", "Germany"]))
        .await;

    // Exactly the codes of ISO 3166-1 are countries, among all pairs of letters. The missing e-mail prevents
    // enrollments.
    let world = World::start().await;
    let mut countries = 0;
    for code in (b'A'..=b'Z').flat_map(|first| (b'A'..=b'Z').map(move |second| [first, second])) {
        let code = String::from_utf8(code.to_vec()).unwrap();
        let error = world.partner(json!({ "country": code })).await.expect(422)["error"].clone();
        countries += usize::from(error["errors"].as_array().unwrap().len() == 1);
    }
    assert_eq!(countries, 249);
}

#[tokio::test]
async fn dates_must_be_rfc_3339_times() {
    let fields = ["linkProps.expiresAt", "linkProps.testStartedAt", "linkProps.testCompletedAt"];
    let good = [
        "2027-01-31T23:00:00.000Z",
        "2027-01-31T23:00:00+02:00",
        "2028-02-29T00:00:00.123456789Z",
        "1999-12-31T23:59:59Z",
    ];
    accepted(&fields, &good.map(|date| json!(date))).await;
    accepted(&fields, &[json!(null)]).await;
    let bad = [
        "",
        "tomorrow",
        "2027-01-31",
        "2027-01-31T23:00",
        "2027-01-31T23:00:00",
        "2027-13-01T00:00:00Z",
        "2027-02-29T00:00:00Z",
        "2027-01-01T24:00:00Z",
        "0000-01-01T00:00:00Z",
        "+12027-01-01T00:00:00Z",
    ];
    refused(&fields, &all(FORMAT, &bad)).await;
    refused(&fields, &[(json!(1_800_000_000), TYPE, "")]).await;
}

#[tokio::test]
async fn test_variants_must_add_up_to_100_percent() {
    let variant = |percentage: Value| json!({ "url": "https://example.com/", "percentage": percentage });
    let shares = |shares: &[f64]| Value::Array(shares.iter().map(|share| variant(json!(share))).collect());
    let field = ["linkProps.testVariants"];
    let good = [&[50.0, 50.0][..], &[10.0, 90.0], &[33.3, 33.3, 33.4], &[25.0; 4], &[10.5, 89.5]];
    accepted(&field, &good.map(shares)).await;
    accepted(&field, &[json!(null)]).await;
    let example = || variant(json!(50));
    refused(
        &field,
        &[
            (shares(&[]), SMALL, ""),
            (shares(&[90.0]), SMALL, ""),
            (shares(&[20.0; 5]), BIG, ""),
            (shares(&[50.0, 49.0]), CUSTOM, ""),
            (shares(&[50.0, 50.5]), CUSTOM, ""),
            (shares(&[90.0, 90.0, 10.0]), CUSTOM, ""),
            (shares(&[9.9, 90.0]), SMALL, "[0].percentage"),
            (shares(&[50.0, 90.1]), BIG, "[1].percentage"),
            (shares(&[50.0, -50.0]), SMALL, "[1].percentage"),
            (json!([example(), variant(json!("50"))]), TYPE, "[1].percentage"),
            (json!([example(), variant(json!(null))]), TYPE, "[1].percentage"),
            (json!([example(), { "url": "https://example.com/" }]), TYPE, "[1].percentage"),
            (json!([example(), { "percentage": 50 }]), TYPE, "[1].url"),
            (json!([example(), { "url": "foo", "percentage": 50 }]), FORMAT, "[1].url"),
            (json!([example(), { "url": "https://u:p@x.com", "percentage": 50 }]), FORMAT, "[1].url"),
            (json!([example(), "https://example.com"]), TYPE, "[1]"),
            (json!({ "0": example() }), TYPE, ""),
            (json!("50"), TYPE, ""),
        ],
    )
    .await;
}

#[tokio::test]
async fn unknown_and_malformed_tags_are_refused() {
    let fields = ["linkProps.tagIds", "linkProps.tagNames"];
    // `link_props` tests existing tags.
    accepted(&fields, &[json!([])]).await;
    refused(&fields, &[(json!("one"), VALUE, ""), (json!(["a"]), VALUE, "[0]"), (json!(""), VALUE, "")]).await;
    refused(
        &fields,
        &[(json!(null), TYPE, ""), (json!(1), TYPE, ""), (json!(["a", 1]), TYPE, "[1]"), (json!([null]), TYPE, "[0]")],
    )
    .await;
}

#[tokio::test]
async fn other_json_types_and_null_are_refused() {
    let not_text = [json!(1), json!(true), json!([]), json!({})].map(|value| (value, TYPE, ""));
    let null = [(json!(null), TYPE, "")];
    let texts = ["name", "username", "image", "tenantId", "groupId", "country", "description"];
    refused(&texts, &not_text).await;
    let texts = ["externalId", "tenantId", "prefix", "comments", "expiresAt", "expiredUrl", "password", "title"];
    let texts = texts.map(|field| format!("linkProps.{field}"));
    refused(&texts.each_ref().map(String::as_str), &not_text).await;
    refused(&["tenantId", "groupId", "linkProps"], &null).await;
    let flags = ["linkProps.archived", "linkProps.proxy", "linkProps.rewrite", "linkProps.doIndex"];
    accepted(&flags, &[json!(true), json!(false)]).await;
    refused(&flags, &null).await;
    refused(&flags, &[json!("true"), json!(1), json!([])].map(|value| (value, TYPE, ""))).await;
    refused(&["linkProps"], &[json!("x"), json!([]), json!(1)].map(|value| (value, TYPE, ""))).await;
}
