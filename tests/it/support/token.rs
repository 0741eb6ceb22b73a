//! Readers of the parts of an embed token, without a check of the signature.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;

/// Returns the claims of the token in an answer.
pub(crate) fn claims(answer: &Value) -> Value {
    part(answer, 1)
}

/// Returns the header of the token in an answer.
pub(crate) fn header(answer: &Value) -> Value {
    part(answer, 0)
}

/// Returns the id of the enrollment in the token of an answer.
pub(crate) fn enrollment(answer: &Value) -> String {
    claims(answer)["sub"].as_str().unwrap().to_owned()
}

fn part(answer: &Value, number: usize) -> Value {
    let part = answer["publicToken"].as_str().unwrap().split('.').nth(number).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}
