//! References to tags in a request, and their resolution.

use serde_json::Value;
use sqlx::PgConnection;

use super::model::fold;
use super::store;
use crate::error::{Error, Result};
use crate::validation::{Fields, FreeText, FromJson, Problem, ProblemCode, Scope};
use crate::values::id::{TagId, WorkspaceId};

/// The tags that a request names by id and by name (`tagIds` and `tagNames`, each one string or a list). All of these
/// tags together are meant. Each reference keeps its path in the request, because only the database shows which tags do
/// not exist.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TagRefs {
    ids: Vec<Named>,
    names: Vec<Named>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Named {
    path: String,
    text: String,
}

impl TagRefs {
    /// Reads the two fields. Returns `None` when the request has neither.
    pub fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let ids = fields.optional::<OneOrMany>("tagIds");
        let names = fields.optional::<OneOrMany>("tagNames");
        if ids.is_none() && names.is_none() {
            return None;
        }
        let texts = |named: Option<OneOrMany>| named.map(|OneOrMany(texts)| texts).unwrap_or_default();
        Some(Self { ids: texts(ids), names: texts(names) })
    }
}

/// Ids or names of tags: one string or a list.
pub(super) struct OneOrMany(Vec<Named>);

impl OneOrMany {
    /// Returns the ids or names.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|named| named.text.as_str())
    }
}

impl FromJson for OneOrMany {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        if value.is_array() {
            scope.list(value).map(Self)
        } else {
            Named::from_json(value, scope).map(|one| Self(vec![one]))
        }
    }
}

impl FromJson for Named {
    fn from_json(value: &Value, scope: &mut Scope<'_>) -> Option<Self> {
        let text = FreeText::from_json(value, scope)?;
        Some(Self { path: scope.path().to_owned(), text: text.as_str().to_owned() })
    }
}

/// Returns the tags that a request names, and locks the tags: no other transaction deletes a locked tag before the end
/// of this transaction. Runs no query when the request names no tags.
///
/// # Errors
/// 422 with each path that names an unknown tag.
pub async fn resolve(conn: &mut PgConnection, workspace_id: WorkspaceId, wanted: &TagRefs) -> Result<Vec<TagId>> {
    if wanted.ids.is_empty() && wanted.names.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<Option<TagId>> = wanted.ids.iter().map(|id| id.text.parse().ok()).collect();
    let names: Vec<String> = wanted.names.iter().map(|name| fold(&name.text)).collect();
    let asked: Vec<TagId> = ids.iter().flatten().copied().collect();
    let found = store::lock_tags(conn, workspace_id, &asked, &names).await?;
    let unknown_ids = wanted.ids.iter().zip(&ids).filter(|(_, id)| !found.iter().any(|tag| Some(tag.id) == **id));
    let unknown_names =
        wanted.names.iter().zip(&names).filter(|(_, name)| !found.iter().any(|tag| tag.name_folded == **name));
    let problem = |named: &Named, message: &'static str| Problem {
        code: ProblemCode::InvalidValue,
        path: named.path.clone(),
        message: message.into(),
    };
    let unknown_ids = unknown_ids.map(|(named, _)| problem(named, "Invalid tagIds detected: no such tag"));
    let unknown_names = unknown_names.map(|(named, _)| problem(named, "Invalid tagNames detected: no such tag"));
    let problems: Vec<Problem> = unknown_ids.chain(unknown_names).take(crate::validation::MAX_PROBLEMS).collect();
    if problems.is_empty() { Ok(found.into_iter().map(|tag| tag.id).collect()) } else { Err(Error::invalid(problems)) }
}
