//! Requests about tags.

use super::model::{TagFilter, TagName, TagOrder, fold};
use super::reference::OneOrMany;
use crate::validation::{Fields, FreeText, FromFields, Invalid, ProblemCode, Text};
use crate::values::color::Color;
use crate::values::{Page, SortOrder};

/// The member that a list of tags is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
enum SortBy {
    #[default]
    Name,
    CreatedAt,
}

impl Text for SortBy {
    fn from_text(text: &str) -> std::result::Result<Self, Invalid> {
        match text {
            "name" => Ok(Self::Name),
            "createdAt" => Ok(Self::CreatedAt),
            _ => Err(Invalid::new(ProblemCode::InvalidValue, "Must be name or createdAt")),
        }
    }
}

/// The query of `GET /tags`.
pub struct ListTagsQuery(pub(super) TagFilter);

impl FromFields for ListTagsQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let sort_by: SortBy = fields.optional("sortBy").unwrap_or_default();
        let sort_order = fields.optional("sortOrder").unwrap_or(SortOrder::Asc);
        let search = fields.optional::<FreeText>("search");
        let ids = fields.optional::<OneOrMany>("ids");
        Some(Self(TagFilter {
            search: search.map(|search| fold(search.as_str())),
            // An invalid id names a tag that does not exist.
            ids: ids.map(|ids| ids.texts().flat_map(|ids| ids.split(',')).filter_map(|id| id.parse().ok()).collect()),
            order: TagOrder { by_creation: sort_by == SortBy::CreatedAt, descending: sort_order == SortOrder::Desc },
            page: Page::from_query(fields),
        }))
    }
}

/// The members of a tag that a request sets.
struct TagFields {
    name: Option<TagName>,
    color: Option<Color>,
}

impl TagFields {
    /// Reads the members. `tag` is an older spelling of `name`.
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let name = fields.optional("name");
        let tag = fields.optional("tag");
        Self { name: name.or(tag), color: fields.optional("color") }
    }
}

/// The body of `POST /tags`.
pub struct CreateTagRequest {
    pub(super) name: TagName,
    pub(super) color: Option<Color>,
}

impl FromFields for CreateTagRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        if !fields.has("name") && !fields.has("tag") {
            fields.fail("name", Invalid::new(ProblemCode::InvalidType, "Required"));
        }
        let TagFields { name, color } = TagFields::from_fields(fields);
        Some(Self { name: name?, color })
    }
}

/// The body of `PATCH /tags/{id}`.
pub struct UpdateTagRequest {
    pub(super) name: Option<TagName>,
    pub(super) color: Option<Color>,
}

impl FromFields for UpdateTagRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let TagFields { name, color } = TagFields::from_fields(fields);
        Some(Self { name, color })
    }
}
