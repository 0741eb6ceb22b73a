//! The settings of a link (all properties other than domain, key, target and external id), and the changes that
//! requests make to the settings.
//!
//! Each setting is declared once, in `link_settings!`. The table `links` keeps the settings as one JSON object of
//! the members that differ from the default.

use serde::ser::{Serialize, SerializeMap, Serializer};
use serde::{Deserialize, de::DeserializeOwned};
use serde_json::Value;

use super::password::Password;
use super::variants::{Geo, TestVariants};
use crate::error::Result;
use crate::tags::TagRefs;
use crate::validation::{Change, Fields, FreeText, FromJson};
use crate::values::clock::Timestamp;
use crate::values::http_url::HttpUrl;
use crate::values::id::Ids;

/// The requests that can change a setting.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ChangedBy {
    /// `linkProps`, and every request that changes a link in the Pearset format.
    LinkProps,
    /// `PATCH /links/{id}` only.
    Update,
    /// The Partnero dialect only.
    Partnero,
}

/// The visibility of a setting in responses in the Pearset format.
#[derive(Clone, Copy)]
enum Visibility {
    Shown,
    Hidden,
}

/// The type of a setting.
pub(crate) trait Setting {
    /// The form in which the setting is stored and shown.
    type Stored: Clone + Default + PartialEq + Serialize + DeserializeOwned;
    /// The change that a request makes to the setting.
    type Change: Clone + Default;

    /// Reads the change from a field.
    fn read(fields: &mut Fields<'_>, name: &str) -> Self::Change;

    /// Returns the new value; `None` if the setting keeps its value.
    fn wanted(change: &Self::Change) -> Option<Self::Stored>;
}

/// A setting that is on or off. A request can omit the setting, but not set null.
impl Setting for bool {
    type Stored = bool;
    type Change = Option<bool>;

    fn read(fields: &mut Fields<'_>, name: &str) -> Option<bool> {
        fields.optional(name)
    }

    fn wanted(change: &Option<bool>) -> Option<bool> {
        *change
    }
}

/// A type whose values a setting can have, or null.
pub(crate) trait SettingValue: FromJson + Clone {
    /// The form in which a value is stored and shown.
    type Stored: Clone + PartialEq + Serialize + DeserializeOwned;

    /// Returns the stored form.
    fn stored(&self) -> Self::Stored;
}

impl<T: SettingValue> Setting for T {
    type Stored = Option<T::Stored>;
    type Change = Change<T>;

    fn read(fields: &mut Fields<'_>, name: &str) -> Change<T> {
        fields.change(name)
    }

    fn wanted(change: &Change<T>) -> Option<Option<T::Stored>> {
        change.wanted(T::stored)
    }
}

/// Declares the settings of a link in the order in which requests are read: the requests that change the setting, its
/// visibility, wire name, field, type, and default (null or false if absent). `then tags` reads the tags of the link
/// after the setting.
macro_rules! link_settings {
    ($(
        $changed_by:ident $visibility:ident $name:literal $field:ident: $type:ty $(= $default:literal)?
        $(, then $tags:ident)?;
    )+) => {
        /// The settings of a link. openapi.yaml defines their names and meanings under `Link`.
        #[derive(Debug, Clone, PartialEq, Deserialize)]
        #[serde(default)]
        pub(crate) struct LinkSettings {
            $(
                #[serde(rename = $name)]
                pub(crate) $field: <$type as Setting>::Stored,
            )+
        }

        impl Default for LinkSettings {
            /// Returns the settings of a link for which no request set any.
            fn default() -> Self {
                Self { $($field: link_settings!(@default $($default)?),)+ }
            }
        }

        impl Serialize for LinkSettings {
            /// Writes the stored form: the members that differ from their default.
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                let default = Self::default();
                let mut map = serializer.serialize_map(None)?;
                $(
                    if self.$field != default.$field {
                        map.serialize_entry($name, &self.$field)?;
                    }
                )+
                map.end()
            }
        }

        /// The settings that responses in the Pearset format show.
        #[derive(Debug)]
        pub(super) struct ShownSettings(pub(super) LinkSettings);

        impl Serialize for ShownSettings {
            fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                let mut map = serializer.serialize_map(None)?;
                $(
                    if matches!(Visibility::$visibility, Visibility::Shown) {
                        map.serialize_entry($name, &self.0.$field)?;
                    }
                )+
                map.end()
            }
        }

        /// The changes that a request makes to the settings and tags of a link. A new link starts with the defaults.
        #[derive(Debug, Clone, Default)]
        pub(crate) struct SettingChanges {
            $(pub(crate) $field: <$type as Setting>::Change,)+
            /// The new tags, in place of the present ones.
            pub(crate) tags: Option<TagRefs>,
        }

        impl SettingChanges {
            fn read(&mut self, fields: &mut Fields<'_>, changed_by: ChangedBy) {
                $(
                    if ChangedBy::$changed_by == changed_by {
                        self.$field = <$type as Setting>::read(fields, $name);
                        $(self.$tags = TagRefs::from_fields(fields);)?
                    }
                )+
            }

            /// Changes the settings of a link and returns the wire names of the settings that are different now.
            pub(super) fn apply(&self, settings: &mut LinkSettings) -> Vec<&'static str> {
                let mut changed = Vec::new();
                $(set(&mut changed, $name, &mut settings.$field, <$type as Setting>::wanted(&self.$field));)+
                changed
            }
        }
    };
    (@default) => { Default::default() };
    (@default $default:literal) => { $default };
}

link_settings! {
    Update    Shown  "trackConversion" track_conversion: bool = true;
    LinkProps Shown  "archived" archived: bool, then tags;
    Update    Shown  "publicStats" public_stats: bool;
    LinkProps Shown  "comments" comments: FreeText;
    LinkProps Shown  "expiresAt" expires_at: Timestamp;
    LinkProps Shown  "expiredUrl" expired_url: HttpUrl;
    LinkProps Hidden "password" password: Password;
    LinkProps Shown  "proxy" proxy: bool;
    LinkProps Shown  "title" title: FreeText;
    LinkProps Shown  "description" description: FreeText;
    LinkProps Shown  "image" image: HttpUrl;
    LinkProps Shown  "video" video: HttpUrl;
    LinkProps Shown  "rewrite" rewrite: bool;
    LinkProps Shown  "ios" ios: HttpUrl;
    LinkProps Shown  "android" android: HttpUrl;
    LinkProps Shown  "doIndex" do_index: bool;
    Update    Shown  "geo" geo: Geo;
    Update    Shown  "utm_source" utm_source: FreeText;
    Update    Shown  "utm_medium" utm_medium: FreeText;
    Update    Shown  "utm_campaign" utm_campaign: FreeText;
    Update    Shown  "utm_term" utm_term: FreeText;
    Update    Shown  "utm_content" utm_content: FreeText;
    LinkProps Shown  "testVariants" test_variants: TestVariants;
    LinkProps Shown  "testStartedAt" test_started_at: Timestamp;
    LinkProps Shown  "testCompletedAt" test_completed_at: Timestamp;
    Partnero  Hidden "directTracking" direct_tracking: bool;
    Partnero  Hidden "directTrackingRedirect" direct_tracking_redirect: bool;
    Partnero  Hidden "directTrackingRedirectUrl" direct_tracking_redirect_url: HttpUrl;
}

impl SettingValue for FreeText {
    type Stored = String;

    fn stored(&self) -> String {
        self.as_str().to_owned()
    }
}

impl SettingValue for HttpUrl {
    type Stored = String;

    fn stored(&self) -> String {
        self.as_str().to_owned()
    }
}

impl SettingValue for Timestamp {
    type Stored = Timestamp;

    fn stored(&self) -> Timestamp {
        *self
    }
}

impl SettingValue for Geo {
    type Stored = Value;

    fn stored(&self) -> Value {
        self.to_json()
    }
}

impl SettingValue for TestVariants {
    type Stored = Value;

    fn stored(&self) -> Value {
        self.to_json()
    }
}

impl SettingValue for Password {
    type Stored = String;

    fn stored(&self) -> String {
        self.hash().to_owned()
    }
}

impl SettingChanges {
    /// Reads the settings of `linkProps`, in the order of openapi.yaml.
    pub(super) fn from_link_props(fields: &mut Fields<'_>) -> Self {
        let mut changes = Self::default();
        changes.read(fields, ChangedBy::LinkProps);
        changes
    }

    /// Reads the settings of `PATCH /links/{id}`, in the order of openapi.yaml.
    pub(super) fn from_update(fields: &mut Fields<'_>) -> Self {
        let mut changes = Self::default();
        changes.read(fields, ChangedBy::Update);
        changes.read(fields, ChangedBy::LinkProps);
        changes
    }

    /// Returns whether the request has a password that is not hashed yet.
    #[must_use]
    pub(crate) fn has_plain_password(&self) -> bool {
        matches!(self.password, Change::Set(Password::Plain(_)))
    }

    /// Replaces a password by its hash. Never call this function inside a transaction: hashing is slow.
    ///
    /// # Errors
    /// 500 when hashing fails.
    pub(crate) async fn hash_password(&mut self, ids: &Ids) -> Result<()> {
        if let Change::Set(password) = &mut self.password {
            password.replace_by_hash(ids).await?;
        }
        Ok(())
    }

    /// Returns the settings of a new link.
    pub(super) fn settings(&self) -> LinkSettings {
        let mut settings = LinkSettings::default();
        self.apply(&mut settings);
        settings
    }
}

/// Replaces a value, and adds its name to `changed` if the value is different now.
pub(super) fn set<T: PartialEq>(
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

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn only_settings_that_differ_from_their_default_are_stored() {
        assert_eq!(serde_json::to_value(LinkSettings::default()).unwrap(), json!({}));
        let settings = LinkSettings {
            track_conversion: false,
            archived: true,
            comments: Some("Two\nlines".to_owned()),
            password: Some("hash".to_owned()),
            direct_tracking: true,
            ..LinkSettings::default()
        };
        let stored = json!({
            "trackConversion": false, "archived": true, "comments": "Two\nlines", "password": "hash",
            "directTracking": true,
        });
        assert_eq!(serde_json::to_value(&settings).unwrap(), stored);
        assert_eq!(serde_json::from_value::<LinkSettings>(stored).unwrap(), settings);
        assert_eq!(serde_json::from_value::<LinkSettings>(json!({})).unwrap(), LinkSettings::default());
    }

    #[test]
    fn every_visible_setting_is_shown_and_the_others_are_not() {
        let settings = LinkSettings { password: Some("hash".to_owned()), ..LinkSettings::default() };
        let shown = serde_json::to_value(ShownSettings(settings)).unwrap();
        assert_eq!((&shown["trackConversion"], &shown["comments"]), (&json!(true), &Value::Null));
        assert!(shown.as_object().unwrap().contains_key("comments"));
        for hidden in ["password", "directTracking", "directTrackingRedirect", "directTrackingRedirectUrl"] {
            assert!(!shown.as_object().unwrap().contains_key(hidden), "{hidden}");
        }
    }
}
