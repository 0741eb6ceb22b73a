//! What a customer keeps with an enrollment.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::validation::{Bounded, FromJson, Invalid, ProblemCode, Scope, Text};

const MAX_KEYS: usize = 50;

/// A flat object of the customer's own: at most 50 members, names of 1–40 characters, values that are strings of at
/// most 500 characters, numbers or booleans.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Metadata(Map<String, Value>);

impl FromJson for Metadata {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let Value::Object(members) = value else {
            scope.wrong_type("an object");
            return None;
        };
        if members.len() > MAX_KEYS {
            scope.fail(Invalid::new(ProblemCode::TooBig, format!("Must have at most {MAX_KEYS} members")));
        }
        for (name, value) in members {
            let mut member = scope.child(format_args!(".{name}"));
            match value {
                Value::String(_) => {
                    Bounded::<0, 500>::from_json(value, &mut member);
                }
                Value::Number(_) | Value::Bool(_) => {}
                _ => member.wrong_type("a string, a number or a boolean"),
            }
            // The problem is with the name, which is the request's own: it stands at the object.
            if Bounded::<1, 40>::from_text(name).is_err() || name.chars().any(char::is_control) {
                scope.fail(Invalid::new(ProblemCode::InvalidFormat, "The names must have 1 to 40 plain characters"));
            }
        }
        // Whoever noted a problem has refused the request; the value does not matter then.
        Some(Self(members.clone()))
    }
}
