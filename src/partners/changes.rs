//! Changes to the profile of a person.

use super::model::{Country, Email};
use super::social::SocialProfile;
use crate::validation::{Bounded, Change, Fields, Text};
use crate::values::http_url::HttpUrl;

/// One value for each member of a profile that can be changed. (The e-mail address cannot: it identifies the person.)
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProfileMembers<T> {
    pub name: T,
    pub image: T,
    pub description: T,
    pub country: T,
    pub company_name: T,
    pub website: T,
    pub youtube: T,
    pub twitter: T,
    pub linkedin: T,
    pub instagram: T,
    pub tiktok: T,
    pub paypal_email: T,
}

/// A stored profile.
pub type StoredProfile = ProfileMembers<Option<String>>;

/// The changes that a request makes to a profile.
pub type ProfileChanges = ProfileMembers<Change<String>>;

impl ProfileChanges {
    /// Reads the members in the order of openapi.yaml.
    pub fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self {
            name: read_change(fields, "name", Bounded::<0, 100>::as_str),
            image: read_change(fields, "image", HttpUrl::as_str),
            description: read_change(fields, "description", Bounded::<0, 5000>::as_str),
            country: read_change(fields, "country", Country::as_str),
            company_name: read_change(fields, "companyName", Bounded::<0, 190>::as_str),
            website: read_change(fields, "website", HttpUrl::as_str),
            youtube: read_change(fields, "youtube", SocialProfile::as_str),
            twitter: read_change(fields, "twitter", SocialProfile::as_str),
            linkedin: read_change(fields, "linkedin", SocialProfile::as_str),
            instagram: read_change(fields, "instagram", SocialProfile::as_str),
            tiktok: read_change(fields, "tiktok", SocialProfile::as_str),
            paypal_email: read_change(fields, "paypalEmail", Email::display),
        }
    }

    /// Changes a profile and returns the names, as requests spell them, of the members that are different now.
    pub fn apply_to(&self, profile: &mut StoredProfile) -> Vec<&'static str> {
        let members = [
            ("name", &self.name, &mut profile.name),
            ("image", &self.image, &mut profile.image),
            ("description", &self.description, &mut profile.description),
            ("country", &self.country, &mut profile.country),
            ("companyName", &self.company_name, &mut profile.company_name),
            ("website", &self.website, &mut profile.website),
            ("youtube", &self.youtube, &mut profile.youtube),
            ("twitter", &self.twitter, &mut profile.twitter),
            ("linkedin", &self.linkedin, &mut profile.linkedin),
            ("instagram", &self.instagram, &mut profile.instagram),
            ("tiktok", &self.tiktok, &mut profile.tiktok),
            ("paypalEmail", &self.paypal_email, &mut profile.paypal_email),
        ];
        members.into_iter().filter_map(|(name, change, stored)| change.apply_to(stored).then_some(name)).collect()
    }
}

fn read_change<T: Text>(fields: &mut Fields<'_>, name: &str, as_str: fn(&T) -> &str) -> Change<String> {
    fields.change(name).map(|value| as_str(&value).to_owned())
}
