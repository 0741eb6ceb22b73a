//! The properties of a link other than its key and its URL, and the changes that a request makes to them.

use serde::Serialize;
use serde_json::Value;

use super::model::FreeText;
use super::password::hash_password;
use super::variants::{Geo, TestVariants};
use crate::error::Result;
use crate::tags::TagRefs;
use crate::validation::{Bounded, Change, Fields, FromJson, Scope};
use crate::values::clock::Timestamp;
use crate::values::http_url::HttpUrl;
use crate::values::id::Ids;

/// The properties as stored and shown. openapi.yaml defines their names and meanings under `Link`.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[expect(clippy::struct_excessive_bools, reason = "they are independent properties of the wire format")]
pub(crate) struct LinkSettings {
    pub track_conversion: bool,
    pub archived: bool,
    pub public_stats: bool,
    pub comments: Option<String>,
    pub expires_at: Option<Timestamp>,
    pub expired_url: Option<String>,
    /// Never shown.
    #[serde(skip)]
    pub password_hash: Option<String>,
    pub proxy: bool,
    pub title: Option<String>,
    pub description: Option<String>,
    pub image: Option<String>,
    pub video: Option<String>,
    pub rewrite: bool,
    pub ios: Option<String>,
    pub android: Option<String>,
    pub do_index: bool,
    pub geo: Option<Value>,
    #[serde(rename = "utm_source")]
    pub utm_source: Option<String>,
    #[serde(rename = "utm_medium")]
    pub utm_medium: Option<String>,
    #[serde(rename = "utm_campaign")]
    pub utm_campaign: Option<String>,
    #[serde(rename = "utm_term")]
    pub utm_term: Option<String>,
    #[serde(rename = "utm_content")]
    pub utm_content: Option<String>,
    pub test_variants: Option<Value>,
    pub test_started_at: Option<Timestamp>,
    pub test_completed_at: Option<Timestamp>,
    /// Only the Partnero dialect shows the three properties of direct tracking.
    #[serde(skip)]
    pub direct_tracking: bool,
    #[serde(skip)]
    pub direct_tracking_redirect: bool,
    #[serde(skip)]
    pub direct_tracking_redirect_url: Option<String>,
}

impl Default for LinkSettings {
    /// Returns the properties of a link that was created without any.
    fn default() -> Self {
        Self {
            track_conversion: true,
            archived: false,
            public_stats: false,
            comments: None,
            expires_at: None,
            expired_url: None,
            password_hash: None,
            proxy: false,
            title: None,
            description: None,
            image: None,
            video: None,
            rewrite: false,
            ios: None,
            android: None,
            do_index: false,
            geo: None,
            utm_source: None,
            utm_medium: None,
            utm_campaign: None,
            utm_term: None,
            utm_content: None,
            test_variants: None,
            test_started_at: None,
            test_completed_at: None,
            direct_tracking: false,
            direct_tracking_redirect: false,
            direct_tracking_redirect_url: None,
        }
    }
}

/// A password between request and database.
#[derive(Debug, Clone)]
pub(crate) enum Password {
    /// The password of the request.
    Plain(Bounded<1, { usize::MAX }>),
    /// The stored hash.
    Hashed(String),
}

impl FromJson for Password {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        FromJson::from_json(value, scope).map(Self::Plain)
    }
}

/// The changes that a request makes to the properties of a link. A new link starts with the default properties.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "openapi.yaml documents them, under the same names")]
pub struct SettingChanges {
    pub track_conversion: Option<bool>,
    pub archived: Option<bool>,
    pub public_stats: Option<bool>,
    /// The new tags, in place of the present ones.
    pub tags: Option<TagRefs>,
    pub comments: Change<FreeText>,
    pub expires_at: Change<Timestamp>,
    pub expired_url: Change<HttpUrl>,
    pub(crate) password: Change<Password>,
    pub proxy: Option<bool>,
    pub title: Change<FreeText>,
    pub description: Change<FreeText>,
    pub image: Change<HttpUrl>,
    pub video: Change<HttpUrl>,
    pub rewrite: Option<bool>,
    pub ios: Change<HttpUrl>,
    pub android: Change<HttpUrl>,
    pub do_index: Option<bool>,
    pub geo: Change<Geo>,
    pub utm_source: Change<FreeText>,
    pub utm_medium: Change<FreeText>,
    pub utm_campaign: Change<FreeText>,
    pub utm_term: Change<FreeText>,
    pub utm_content: Change<FreeText>,
    pub test_variants: Change<TestVariants>,
    pub test_started_at: Change<Timestamp>,
    pub test_completed_at: Change<Timestamp>,
    pub direct_tracking: Option<bool>,
    pub direct_tracking_redirect: Option<bool>,
    pub direct_tracking_redirect_url: Change<HttpUrl>,
}

impl SettingChanges {
    /// Reads the properties that every request about a link can have, in the order of openapi.yaml.
    pub fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self {
            archived: fields.optional("archived"),
            tags: TagRefs::from_fields(fields),
            comments: fields.change("comments"),
            expires_at: fields.change("expiresAt"),
            expired_url: fields.change("expiredUrl"),
            password: fields.change("password"),
            proxy: fields.optional("proxy"),
            title: fields.change("title"),
            description: fields.change("description"),
            image: fields.change("image"),
            video: fields.change("video"),
            rewrite: fields.optional("rewrite"),
            ios: fields.change("ios"),
            android: fields.change("android"),
            do_index: fields.optional("doIndex"),
            test_variants: fields.change("testVariants"),
            test_started_at: fields.change("testStartedAt"),
            test_completed_at: fields.change("testCompletedAt"),
            ..Self::default()
        }
    }

    /// Returns whether the request has a password that is not hashed yet.
    #[must_use]
    pub fn has_plain_password(&self) -> bool {
        matches!(self.password, Change::Set(Password::Plain(_)))
    }

    /// Replaces a password by its hash. Never call this function inside a transaction: hashing is slow.
    ///
    /// # Errors
    /// 500 when hashing fails.
    pub async fn hash_password(&mut self, ids: &Ids) -> Result<()> {
        if let Change::Set(Password::Plain(plain)) = &self.password {
            let hash = hash_password(plain.as_str().to_owned(), ids).await?;
            self.password = Change::Set(Password::Hashed(hash));
        }
        Ok(())
    }

    /// Returns the properties of a new link.
    pub(crate) fn settings(&self) -> LinkSettings {
        let mut settings = LinkSettings::default();
        self.apply(&mut settings);
        settings
    }

    /// Changes the properties of a link and returns the names of the properties that are different now.
    pub(crate) fn apply(&self, link: &mut LinkSettings) -> Vec<&'static str> {
        let text = |change: &Change<FreeText>| change.wanted(|text| text.as_str().to_owned());
        let url = |change: &Change<HttpUrl>| change.wanted(|url| url.as_str().to_owned());
        let time = |change: &Change<Timestamp>| change.wanted(|time| *time);
        let password = self.password.wanted(|password| match password {
            Password::Hashed(hash) => hash.clone(),
            // A route that forgets to hash the password stores a text that no password matches.
            Password::Plain(_) => "!".to_owned(),
        });
        let mut changed = Vec::new();
        let to = &mut changed;
        set(to, "trackConversion", &mut link.track_conversion, self.track_conversion);
        set(to, "archived", &mut link.archived, self.archived);
        set(to, "publicStats", &mut link.public_stats, self.public_stats);
        set(to, "comments", &mut link.comments, text(&self.comments));
        set(to, "expiresAt", &mut link.expires_at, time(&self.expires_at));
        set(to, "expiredUrl", &mut link.expired_url, url(&self.expired_url));
        set(to, "password", &mut link.password_hash, password);
        set(to, "proxy", &mut link.proxy, self.proxy);
        set(to, "title", &mut link.title, text(&self.title));
        set(to, "description", &mut link.description, text(&self.description));
        set(to, "image", &mut link.image, url(&self.image));
        set(to, "video", &mut link.video, url(&self.video));
        set(to, "rewrite", &mut link.rewrite, self.rewrite);
        set(to, "ios", &mut link.ios, url(&self.ios));
        set(to, "android", &mut link.android, url(&self.android));
        set(to, "doIndex", &mut link.do_index, self.do_index);
        set(to, "geo", &mut link.geo, self.geo.wanted(Geo::to_json));
        set(to, "utm_source", &mut link.utm_source, text(&self.utm_source));
        set(to, "utm_medium", &mut link.utm_medium, text(&self.utm_medium));
        set(to, "utm_campaign", &mut link.utm_campaign, text(&self.utm_campaign));
        set(to, "utm_term", &mut link.utm_term, text(&self.utm_term));
        set(to, "utm_content", &mut link.utm_content, text(&self.utm_content));
        set(to, "testVariants", &mut link.test_variants, self.test_variants.wanted(TestVariants::to_json));
        set(to, "testStartedAt", &mut link.test_started_at, time(&self.test_started_at));
        set(to, "testCompletedAt", &mut link.test_completed_at, time(&self.test_completed_at));
        set(to, "directTracking", &mut link.direct_tracking, self.direct_tracking);
        set(to, "directTrackingRedirect", &mut link.direct_tracking_redirect, self.direct_tracking_redirect);
        let redirect_url = url(&self.direct_tracking_redirect_url);
        set(to, "directTrackingRedirectUrl", &mut link.direct_tracking_redirect_url, redirect_url);
        changed
    }
}

/// Replaces a value, and adds its name to `changed` if the value is different now.
pub(crate) fn set<T: PartialEq>(
    changed: &mut Vec<&'static str>,
    name: &'static str,
    current: &mut T,
    wanted: Option<T>,
) {
    if let Some(wanted) = wanted.filter(|wanted| *wanted != *current) {
        *current = wanted;
        changed.push(name);
    }
}
