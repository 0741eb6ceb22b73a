//! The extractor of a JSON request body that is a list of requests.

use std::fmt;
use std::marker::PhantomData;

use axum::extract::{FromRequest, Request};
use serde::de::{Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_json::Value;

use super::body::{BodyLimit, malformed, read};
use crate::error::{Error, Result};
use crate::validation::{FromFields, Invalid, Problem, ProblemCode, count, read_request};

/// The maximum number of items of a list.
const MAX_ITEMS: usize = 1_000;

/// The 1 to 1,000 items of a request body, each read into `T` or rejected on its own. The extractor rejects a body that
/// is not such a list with 400, 413, 415 or 422.
pub struct Items<T>(pub Vec<Result<T>>);

impl<S: Send + Sync, T: FromFields> FromRequest<S> for Items<T> {
    type Rejection = Error;

    async fn from_request(request: Request, _: &S) -> Result<Self> {
        let body = read(request, BodyLimit::BULK).await?;
        parse(&body).map(Self)
    }
}

fn parse<T: FromFields>(body: &[u8]) -> Result<Vec<Result<T>>> {
    let mut json = serde_json::Deserializer::from_slice(body);
    let list = match json.deserialize_seq(List(PhantomData)) {
        Ok(list) => list,
        // The body is not a list, but can still be valid JSON.
        Err(error) if error.is_data() && serde_json::from_slice::<IgnoredAny>(body).is_ok() => {
            return Err(rejected(Invalid::new(ProblemCode::InvalidType, "Expected an array")));
        }
        Err(_) => return Err(malformed()),
    };
    json.end().map_err(|_| malformed())?;
    count(&list, 1..=MAX_ITEMS, "item").map_err(rejected)?;
    Ok(list)
}

fn rejected(invalid: Invalid) -> Error {
    Error::invalid(vec![Problem { code: invalid.code, path: String::new(), message: invalid.message }])
}

/// Reads one item after the other, so that only one item's tree is in memory: a tree is many times larger than its
/// text. Of the items beyond [`MAX_ITEMS`], one is kept, which shows that the list is too long.
struct List<T>(PhantomData<T>);

impl<'de, T: FromFields> Visitor<'de> for List<T> {
    type Value = Vec<Result<T>>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an array")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<Self::Value, A::Error> {
        let mut items = Vec::new();
        while items.len() <= MAX_ITEMS {
            let Some(item) = list.next_element::<Value>()? else {
                return Ok(items);
            };
            items.push(read_request(&item));
        }
        while list.next_element::<IgnoredAny>()?.is_some() {}
        Ok(items)
    }
}
