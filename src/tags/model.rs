//! Tags.

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::validation::{Invalid, Text, length};
use crate::values::Page;
use crate::values::color::Color;
use crate::values::id::TagId;

/// The name of a tag: 1–50 characters without outer blanks, unique in a workspace without regard to case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct TagName(String);

impl TagName {
    /// Returns the name as it was entered.
    pub(super) fn as_str(&self) -> &str {
        &self.0
    }

    /// Returns the case-folded name, which is unique in a workspace.
    pub(super) fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// Returns a name in lower case and without outer blanks, for comparison.
pub(super) fn fold(name: &str) -> String {
    name.trim().to_lowercase()
}

impl Text for TagName {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let name = text.trim();
        length(name, 1, 50)?;
        Ok(Self(name.to_owned()))
    }
}

/// A tag to insert.
pub(super) struct NewTag<'a> {
    pub(super) id: TagId,
    pub(super) name: &'a TagName,
    pub(super) color: Color,
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    #[serde(deserialize_with = "id_from_uuid")]
    pub id: TagId,
    pub name: String,
    pub color: Color,
}

/// Reads an id from JSON of the database, which contains ids as UUIDs.
fn id_from_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TagId, D::Error> {
    let text = String::deserialize(deserializer)?;
    Uuid::try_parse(&text).map(TagId::from).map_err(serde::de::Error::custom)
}

/// The tags of a workspace that a list shows, and their order.
#[derive(Debug, Clone)]
pub(super) struct TagFilter {
    /// A part of the name, folded.
    pub(super) search: Option<String>,
    /// Only tags with these ids.
    pub(super) ids: Option<Vec<TagId>>,
    pub(super) order: TagOrder,
    pub(super) page: Page,
}

/// The order of a list of tags: by name, or by the time of creation.
#[derive(Debug, Clone, Copy)]
pub(super) struct TagOrder {
    pub(super) by_creation: bool,
    pub(super) descending: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn name_is_trimmed_and_limited() {
        for (text, name) in [("Autumn", "Autumn"), ("  A b\t", "A b"), (&"ä".repeat(50), &"ä".repeat(50))] {
            assert_eq!(TagName::from_text(text).as_ref().map(TagName::as_str), Ok(name));
        }
        for text in ["", "   ", &"a".repeat(51)] {
            assert!(TagName::from_text(text).is_err(), "{text}");
        }
        assert_eq!(TagName::from_text(" ÄPFEL ").unwrap().folded(), fold("äpfel"));
    }
}
