//! Tags.

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::id::{Ids, TagId};
use crate::validation::{Invalid, ProblemCode, Text, length};

/// The name of a tag: 1–50 characters without outer blanks. Names of one workspace differ in more than case.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TagName(String);

impl TagName {
    /// The name as its owner wrote it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What must be unique in a workspace.
    #[must_use]
    pub fn folded(&self) -> String {
        fold(&self.0)
    }
}

/// A name without regard to case and outer blanks.
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

/// The color that a tag is shown in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
#[expect(missing_docs, reason = "a color is what it is called")]
pub enum Color {
    Red,
    Yellow,
    Green,
    Blue,
    Purple,
    Brown,
    Gray,
    Pink,
}

impl Color {
    /// Every color by its name.
    const ALL: [(&'static str, Self); 8] = [
        ("red", Self::Red),
        ("yellow", Self::Yellow),
        ("green", Self::Green),
        ("blue", Self::Blue),
        ("purple", Self::Purple),
        ("brown", Self::Brown),
        ("gray", Self::Gray),
        ("pink", Self::Pink),
    ];

    /// A color for a tag that nobody chose one for.
    #[must_use]
    pub fn any(ids: &Ids) -> Self {
        let [byte] = ids.bytes::<1>();
        Self::ALL[usize::from(byte) % Self::ALL.len()].1
    }
}

impl Text for Color {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        let found = Self::ALL.into_iter().find(|(name, _)| *name == text);
        found.map(|(_, color)| color).ok_or(Invalid::new(
            ProblemCode::InvalidValue,
            "Must be red, yellow, green, blue, purple, brown, gray or pink",
        ))
    }
}

/// A tag.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tag {
    /// Its id.
    #[serde(deserialize_with = "id_from_uuid")]
    pub id: TagId,
    /// Its name.
    pub name: String,
    /// Its color.
    pub color: Color,
}

/// The database writes an id as a UUID, also into JSON.
fn id_from_uuid<'de, D: Deserializer<'de>>(deserializer: D) -> Result<TagId, D::Error> {
    let text = String::deserialize(deserializer)?;
    Uuid::try_parse(&text).map(TagId::from).map_err(serde::de::Error::custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names() {
        for (text, name) in [("Autumn", "Autumn"), ("  A b\t", "A b"), (&"ä".repeat(50), &"ä".repeat(50))] {
            assert_eq!(TagName::from_text(text).as_ref().map(TagName::as_str), Ok(name));
        }
        for text in ["", "   ", &"a".repeat(51)] {
            assert!(TagName::from_text(text).is_err(), "{text}");
        }
        assert_eq!(TagName::from_text(" ÄPFEL ").unwrap().folded(), fold("äpfel"));
    }

    #[test]
    fn colors() {
        for (name, color) in Color::ALL {
            assert_eq!(Color::from_text(name), Ok(color));
            assert_eq!(serde_json::to_value(color).unwrap(), name);
        }
        assert!(Color::from_text("Red").is_err());
    }
}
