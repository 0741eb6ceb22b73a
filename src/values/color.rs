//! Named colors.

use serde::{Deserialize, Serialize};

use crate::validation::{Invalid, ProblemCode, Text};
use crate::values::id::Ids;

/// The color in which a tag or group is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, sqlx::Type)]
#[serde(rename_all = "lowercase")]
#[sqlx(type_name = "text", rename_all = "lowercase")]
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
    /// All colors with their names.
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

    /// Returns a random color, for a tag that was created without a color.
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_read_and_written_by_name() {
        for (name, color) in Color::ALL {
            assert_eq!(Color::from_text(name), Ok(color));
            assert_eq!(serde_json::to_value(color).unwrap(), name);
        }
        assert!(Color::from_text("Red").is_err());
    }
}
