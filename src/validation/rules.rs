//! Rules for one value. The traits of `validator` compare; this module gives a failure its code and text.

use std::fmt::Display;
use std::ops::RangeInclusive;

use validator::{ValidateLength, ValidateRange};

use super::problem::Invalid;
use crate::error::ProblemCode;

/// Checks the length of a string in characters.
///
/// # Errors
/// `too_small` or `too_big`.
pub fn length(text: &str, min: usize, max: usize) -> Result<(), Invalid> {
    size(text, min as u64, max as u64, Noun::Character)
}

/// Checks the number of items of a list, or of members of an object: `noun` is the singular.
///
/// # Errors
/// `too_small` or `too_big`.
pub fn count<T>(items: &T, range: RangeInclusive<usize>, noun: &'static str) -> Result<(), Invalid>
where
    T: ValidateLength<u64> + ?Sized,
{
    size(items, *range.start() as u64, *range.end() as u64, Noun::Counted(noun))
}

fn size<T: ValidateLength<u64> + ?Sized>(value: &T, min: u64, max: u64, noun: Noun) -> Result<(), Invalid> {
    if value.validate_length(Some(min), Some(max), None) {
        Ok(())
    } else if value.validate_length(Some(min), None, None) {
        Err(Invalid::new(ProblemCode::TooBig, noun.text("at most", max)))
    } else {
        Err(Invalid::new(ProblemCode::TooSmall, noun.text("at least", min)))
    }
}

/// Checks that a number lies within a range.
///
/// # Errors
/// `too_small` or `too_big`.
pub fn range<T>(number: T, range: RangeInclusive<T>) -> Result<(), Invalid>
where
    T: ValidateRange<T> + Copy + Display,
{
    let (min, max) = range.into_inner();
    if number.less_than(min) == Some(true) {
        Err(Invalid::new(ProblemCode::TooSmall, format!("Must be at least {min}")))
    } else if number.greater_than(max) == Some(true) {
        Err(Invalid::new(ProblemCode::TooBig, format!("Must be at most {max}")))
    } else {
        Ok(())
    }
}

/// The unit of a size in a text.
#[derive(Clone, Copy)]
pub(super) enum Noun {
    Character,
    Counted(&'static str),
}

impl Noun {
    /// Returns the text of a rule such as "at most 4 items".
    pub(super) fn text(self, relation: &str, bound: impl Display) -> String {
        let bound = bound.to_string();
        match self {
            Self::Character => format!("Must have {relation} {bound} character(s)"),
            Self::Counted(noun) => {
                let plural = if bound == "1" { "" } else { "s" };
                format!("Must have {relation} {bound} {noun}{plural}")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(checked: Result<(), Invalid>) -> String {
        checked.map_or_else(|invalid| format!("{}: {}", invalid.code.as_str(), invalid.message), |()| String::new())
    }

    #[test]
    fn lengths_count_characters() {
        assert_eq!(told(length("äöü", 3, 3)), "");
        assert_eq!(told(length("äöü", 4, 9)), "too_small: Must have at least 4 character(s)");
        assert_eq!(told(length("äöü", 0, 2)), "too_big: Must have at most 2 character(s)");
        assert_eq!(told(length("", 1, 1)), "too_small: Must have at least 1 character(s)");
        assert_eq!(told(length("x", 0, usize::MAX)), "");
    }

    #[test]
    fn counts_have_a_plural() {
        assert_eq!(told(count(&[0; 4], 2..=4, "item")), "");
        assert_eq!(told(count(&[0; 0], 1..=4, "item")), "too_small: Must have at least 1 item");
        assert_eq!(told(count(&[0; 1], 2..=4, "item")), "too_small: Must have at least 2 items");
        assert_eq!(told(count(&[0; 5], 2..=4, "item")), "too_big: Must have at most 4 items");
        assert_eq!(told(count(&[0; 2], 0..=1, "member")), "too_big: Must have at most 1 member");
    }

    #[test]
    fn ranges_include_their_ends() {
        for number in [10.0, 33.3, 90.0] {
            assert_eq!(told(range(number, 10.0..=90.0)), "");
        }
        assert_eq!(told(range(9.999, 10.0..=90.0)), "too_small: Must be at least 10");
        assert_eq!(told(range(90.001, 10.0..=90.0)), "too_big: Must be at most 90");
        assert_eq!(told(range(i64::MAX, 1..=365)), "too_big: Must be at most 365");
        assert_eq!(told(range(i64::MIN, 1..=365)), "too_small: Must be at least 1");
    }
}
