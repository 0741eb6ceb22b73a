//! Changes to a stored value.

/// The change that a request applies to a stored value, which may be null.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Change<T> {
    /// Keeps the stored value.
    #[default]
    Keep,
    /// Sets the stored value to null.
    Clear,
    /// Sets the stored value to the given one.
    Set(T),
}

impl<T> Change<T> {
    /// Converts the new value.
    pub fn map<U>(self, make: impl FnOnce(T) -> U) -> Change<U> {
        match self {
            Self::Keep => Change::Keep,
            Self::Clear => Change::Clear,
            Self::Set(value) => Change::Set(make(value)),
        }
    }

    /// Applies the change and returns whether the stored value is different now.
    pub fn apply_to(&self, stored: &mut Option<T>) -> bool
    where
        T: Clone + PartialEq,
    {
        let differs = self.is_change() && self.value() != stored.as_ref();
        if differs {
            *stored = self.value().cloned();
        }
        differs
    }

    /// Returns whether there is anything to write: the condition of a statement's `CASE WHEN`.
    #[must_use]
    pub fn is_change(&self) -> bool {
        !matches!(self, Self::Keep)
    }

    /// Returns the value to write when [`is_change`](Self::is_change): `None` for null.
    #[must_use]
    pub fn value(&self) -> Option<&T> {
        match self {
            Self::Set(value) => Some(value),
            Self::Keep | Self::Clear => None,
        }
    }

    /// Returns the new value in its stored form; `None` when the stored value is kept.
    #[must_use]
    #[expect(
        clippy::option_option,
        reason = "the outer option says whether the value changes, the inner one is the value"
    )]
    pub fn wanted<U>(&self, store: impl FnOnce(&T) -> U) -> Option<Option<U>> {
        match self {
            Self::Keep => None,
            Self::Clear => Some(None),
            Self::Set(value) => Some(Some(store(value))),
        }
    }
}
