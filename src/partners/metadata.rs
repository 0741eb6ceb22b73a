//! Metadata: the customer's own data about an enrollment.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use validator::ValidateLength;

use crate::validation::{Bounded, FromJson, Invalid, Scope, Text, count};

const MAX_MEMBERS: usize = 50;

/// A flat object with the customer's own members: at most 50 members, names of 1–40 characters, values that are strings
/// of at most 500 characters, numbers or booleans.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl ValidateLength<u64> for Metadata {
    fn length(&self) -> Option<u64> {
        Some(self.0.len() as u64)
    }
}

impl FromJson for Metadata {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Value::Object(members) = value else {
            scope.wrong_type("an object");
            return None;
        };
        let metadata = Self(members.clone());
        scope.accept(count(&metadata, 0..=MAX_MEMBERS, "member"));
        for (name, value) in members {
            let mut member = scope.child(format_args!(".{name}"));
            match value {
                Value::String(_) => {
                    Bounded::<0, 500>::from_json(value, &mut member);
                }
                Value::Number(_) | Value::Bool(_) => {}
                _ => member.wrong_type("a string, a number or a boolean"),
            }
            // A wrong name is a problem of the object, because the client chose the name.
            if Bounded::<1, 40>::from_text(name).is_err() || name.chars().any(char::is_control) {
                scope.fail(Invalid::format("The names must have 1 to 40 plain characters"));
            }
        }
        // A noted problem rejects the whole request, whatever this function returns.
        Some(metadata)
    }
}
