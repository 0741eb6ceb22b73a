//! The columns of a CSV file: the members of a body of `POST /partners`, nested ones with a dot.

use anyhow::bail;
use serde_json::{Map, Value};

/// The conversion of a cell to a JSON value. A text that cannot be converted stays a string, which validation rejects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    /// `true` or `false`.
    Boolean,
    Json,
    /// One string, or a JSON array.
    List,
}

const COLUMNS: [(&str, Kind); 31] = [
    ("name", Kind::Text),
    ("email", Kind::Text),
    ("username", Kind::Text),
    ("image", Kind::Text),
    ("tenantId", Kind::Text),
    ("groupId", Kind::Text),
    ("country", Kind::Text),
    ("description", Kind::Text),
    ("programId", Kind::Text),
    ("linkProps.externalId", Kind::Text),
    ("linkProps.tenantId", Kind::Text),
    ("linkProps.prefix", Kind::Text),
    ("linkProps.archived", Kind::Boolean),
    ("linkProps.tagIds", Kind::List),
    ("linkProps.tagNames", Kind::List),
    ("linkProps.comments", Kind::Text),
    ("linkProps.expiresAt", Kind::Text),
    ("linkProps.expiredUrl", Kind::Text),
    ("linkProps.password", Kind::Text),
    ("linkProps.proxy", Kind::Boolean),
    ("linkProps.title", Kind::Text),
    ("linkProps.description", Kind::Text),
    ("linkProps.image", Kind::Text),
    ("linkProps.video", Kind::Text),
    ("linkProps.rewrite", Kind::Boolean),
    ("linkProps.ios", Kind::Text),
    ("linkProps.android", Kind::Text),
    ("linkProps.doIndex", Kind::Boolean),
    ("linkProps.testVariants", Kind::Json),
    ("linkProps.testStartedAt", Kind::Text),
    ("linkProps.testCompletedAt", Kind::Text),
];

/// A column of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Column {
    /// The nested object that has the member. `None` for members of the body itself.
    parent: Option<String>,
    member: String,
    kind: Kind,
}

impl Column {
    /// Returns the columns with these names.
    ///
    /// # Errors
    /// When a name is unknown or repeated, or `email` is missing.
    pub(super) fn all<'a>(names: impl IntoIterator<Item = &'a str>) -> anyhow::Result<Vec<Self>> {
        let mut columns: Vec<Self> = Vec::new();
        for name in names {
            let Some(kind) = kind(name) else {
                bail!(
                    "the header has a column '{name}', which POST /partners does not know: rename or remove the column \
                     (a column metadata.<name> holds a value of your own)"
                );
            };
            let (parent, member) = match name.split_once('.') {
                Some((parent, member)) => (Some(parent.to_owned()), member),
                None => (None, name),
            };
            let column = Self { parent, member: member.to_owned(), kind };
            if columns.contains(&column) {
                bail!("the header has the column '{name}' twice");
            }
            columns.push(column);
        }
        if !columns.iter().any(|column| column.parent.is_none() && column.member == "email") {
            bail!("the header has no column 'email': the first line must name the columns");
        }
        Ok(columns)
    }

    /// Adds a cell to a body. An empty cell is an absent member.
    pub(super) fn set(&self, body: &mut Map<String, Value>, cell: &str) {
        if cell.is_empty() {
            return;
        }
        let object = match &self.parent {
            None => Some(body),
            Some(parent) => body.entry(parent.as_str()).or_insert_with(|| Value::Object(Map::new())).as_object_mut(),
        };
        if let Some(object) = object {
            object.insert(self.member.clone(), self.kind.value(cell));
        }
    }
}

fn kind(name: &str) -> Option<Kind> {
    let known = COLUMNS.iter().find(|(known, _)| *known == name).map(|(_, kind)| *kind);
    known.or_else(|| name.strip_prefix("metadata.").filter(|member| !member.is_empty()).map(|_| Kind::Text))
}

impl Kind {
    fn value(self, cell: &str) -> Value {
        let json = || serde_json::from_str(cell).ok();
        let value = match self {
            Self::Text => None,
            Self::Boolean => json().filter(Value::is_boolean),
            Self::Json => json(),
            Self::List => json().filter(Value::is_array),
        };
        value.unwrap_or_else(|| Value::String(cell.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde_json::json;

    use super::*;

    /// Compares the columns with the members of the request in openapi.yaml.
    #[test]
    fn the_columns_are_the_members_of_the_request() {
        let contract: Value = serde_json::from_str(crate::surfaces::api::docs::OPENAPI_JSON).unwrap();
        let own = members(&contract, "#/components/schemas/CreatePartnerRequest");
        let mut expected = members(&contract, "#/components/schemas/LinkProps");
        expected = expected.into_iter().map(|(name, is)| (format!("linkProps.{name}"), is)).collect();
        expected.extend(own.into_iter().filter(|(name, _)| name != "linkProps" && name != "metadata"));
        let columns: BTreeMap<String, bool> =
            COLUMNS.iter().map(|(name, kind)| ((*name).to_owned(), *kind == Kind::Boolean)).collect();
        assert_eq!(columns, expected);
    }

    /// Returns the members of a schema, and whether each member is a boolean.
    fn members(contract: &Value, place: &str) -> BTreeMap<String, bool> {
        let schema = contract.pointer(place.trim_start_matches('#')).unwrap();
        let parts = schema["allOf"].as_array().into_iter().flatten();
        let mut found = BTreeMap::new();
        for part in std::iter::once(schema).chain(parts) {
            if let Some(place) = part["$ref"].as_str() {
                found.extend(members(contract, place));
            }
            let own = part["properties"].as_object().into_iter().flatten();
            found.extend(own.map(|(name, member)| (name.clone(), member["type"] == "boolean")));
        }
        found
    }

    #[test]
    fn cells_are_converted_to_the_type_of_the_member() {
        let names = ["email", "linkProps.proxy", "linkProps.tagNames", "linkProps.testVariants", "metadata.a.b"];
        let columns = Column::all(names).unwrap();
        let body = |cells: [&str; 5]| {
            let mut body = Map::new();
            columns.iter().zip(cells).for_each(|(column, cell)| column.set(&mut body, cell));
            Value::Object(body)
        };
        assert_eq!(
            body(["1", "true", "[\"a\"]", "[{}]", "7"]),
            json!({"email": "1", "linkProps": {"proxy": true, "tagNames": ["a"], "testVariants": [{}]},
                   "metadata": {"a.b": "7"}})
        );
        assert_eq!(
            body(["x", "yes", "a, b", "no", ""]),
            json!({"email": "x", "linkProps": {"proxy": "yes", "tagNames": "a, b", "testVariants": "no"}})
        );
        assert_eq!(body(["", "", "", "", ""]), json!({}));
    }

    #[test]
    fn unknown_or_repeated_columns_are_refused() {
        let refused = |names: &[&str]| Column::all(names.iter().copied()).unwrap_err().to_string();
        assert!(refused(&["email", "tenant_id"]).contains("'tenant_id'"));
        assert!(refused(&["email", "linkProps"]).contains("'linkProps'"));
        assert!(refused(&["email", "metadata."]).contains("'metadata.'"));
        assert!(refused(&["email", "name", "email"]).contains("twice"));
        assert!(refused(&["name"]).contains("no column 'email'"));
        assert!(refused(&["jane@example.com"]).contains("'jane@example.com'"));
    }
}
