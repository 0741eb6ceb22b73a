//! Types that are read from a JSON string.

use super::problem::Invalid;
use super::rules::length;

/// A type with a rule that is read from a JSON string.
pub trait Text: Sized {
    /// Reads the value.
    ///
    /// # Errors
    /// The rule that the text breaks.
    fn from_text(text: &str) -> Result<Self, Invalid>;
}

/// A string of `MIN` to `MAX` characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bounded<const MIN: usize, const MAX: usize>(String);

impl<const MIN: usize, const MAX: usize> Bounded<MIN, MAX> {
    /// Returns the string.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl<const MIN: usize, const MAX: usize> Text for Bounded<MIN, MAX> {
    fn from_text(text: &str) -> Result<Self, Invalid> {
        length(text, MIN, MAX)?;
        Ok(Self(text.to_owned()))
    }
}

/// A string without a length limit of its own: only the size of the request limits the string.
pub type FreeText = Bounded<0, { usize::MAX }>;

/// Declares an enum of fixed texts, one of which a request gives.
macro_rules! choices {
    ($(#[$doc:meta])* $vis:vis $name:ident { $($(#[$choice_doc:meta])* $choice:ident = $text:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        $vis enum $name {
            $($(#[$choice_doc])* $choice,)+
        }

        impl $name {
            /// Returns the text that requests and the database use.
            #[must_use]
            $vis fn as_str(self) -> &'static str {
                match self {
                    $(Self::$choice => $text,)+
                }
            }
        }

        impl $crate::validation::Text for $name {
            fn from_text(text: &str) -> std::result::Result<Self, $crate::validation::Invalid> {
                match text {
                    $($text => Ok(Self::$choice),)+
                    _ => Err($crate::validation::Invalid::choice(&[$($text),+])),
                }
            }
        }
    };
}
pub(crate) use choices;
