//! Changes to what is known about a person.

use super::model::{Country, Email};
use super::social::SocialProfile;
use crate::validation::{Bounded, Change, Fields, Text};
use crate::values::http_url::HttpUrl;

/// Something for each member of a profile that can be changed. (The e-mail address is who it is about.)
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "openapi.yaml documents them, under the same names")]
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

/// A profile as it is stored.
pub type StoredProfile = ProfileMembers<Option<String>>;

/// What a request wants of a profile.
pub type ProfileChanges = ProfileMembers<Change<String>>;

impl ProfileChanges {
    /// Reads them, in the order of the document.
    pub fn from_fields(fields: &mut Fields<'_>) -> Self {
        Self {
            name: read(fields, "name", Bounded::<0, 100>::as_str),
            image: read(fields, "image", HttpUrl::as_str),
            description: read(fields, "description", Bounded::<0, 5000>::as_str),
            country: read(fields, "country", Country::as_str),
            company_name: read(fields, "companyName", Bounded::<0, 190>::as_str),
            website: read(fields, "website", HttpUrl::as_str),
            youtube: read(fields, "youtube", SocialProfile::as_str),
            twitter: read(fields, "twitter", SocialProfile::as_str),
            linkedin: read(fields, "linkedin", SocialProfile::as_str),
            instagram: read(fields, "instagram", SocialProfile::as_str),
            tiktok: read(fields, "tiktok", SocialProfile::as_str),
            paypal_email: read(fields, "paypalEmail", Email::display),
        }
    }

    /// Makes them. The names, as requests spell them, of the members that are different now.
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

fn read<T: Text>(fields: &mut Fields<'_>, name: &str, as_str: fn(&T) -> &str) -> Change<String> {
    fields.change(name).map(|value| as_str(&value).to_owned())
}
