//! Requests about groups.

use super::allowed_hosts::AllowedHosts;
use super::model::{GroupRef, MaxPartnerLinks, Name, WantedLinks};
use crate::programs::ProgramRef;
use crate::validation::{Bounded, Change, Fields, FromFields, Invalid, ProblemCode, Text};
use crate::values::Page;
use crate::values::color::Color;
use crate::values::slug::slug;
use crate::workspaces::Slug;

/// The maximum number of characters of a search.
const MAX_SEARCH: usize = 100;

/// A request to create a group.
#[derive(Debug)]
pub struct CreateGroupRequest {
    pub(super) program: Option<ProgramRef>,
    pub(super) name: Name,
    pub(super) slug: Slug,
    pub(super) color: Option<Color>,
    /// `None` gives the group one default link, to the program's site.
    pub(super) default_links: Option<WantedLinks>,
    pub(super) max_partner_links: Option<MaxPartnerLinks>,
    pub(super) allowed_hosts: AllowedHosts,
}

impl FromFields for CreateGroupRequest {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let name: Option<Name> = fields.required("name");
        let slug = match &name {
            Some(name) if !fields.has("slug") => derive_slug(fields, name),
            _ => fields.optional("slug"),
        };
        let color = fields.nullable("color");
        let default_links = fields.optional("defaultLinks");
        let max_partner_links = fields.nullable("maxPartnerLinks");
        let allowed_hosts = fields.optional("allowedHosts").unwrap_or_default();
        let program = fields.optional("programId");
        Some(Self { program, name: name?, slug: slug?, color, default_links, max_partner_links, allowed_hosts })
    }
}

fn derive_slug(fields: &mut Fields<'_>, name: &Name) -> Option<Slug> {
    let derived = Slug::from_text(&slug(name.as_str(), Slug::MAX_LENGTH)).ok();
    if derived.is_none() {
        fields.fail("slug", Invalid::new(ProblemCode::InvalidType, "Required, as the name has no letter or digit"));
    }
    derived
}

/// A request to change a group.
#[derive(Debug)]
pub struct UpdateGroupRequest {
    pub(crate) program: Option<ProgramRef>,
    pub(crate) changes: GroupChanges,
}

/// Changes to an existing group.
#[derive(Debug)]
pub(crate) struct GroupChanges {
    pub(super) name: Option<Name>,
    pub(super) slug: Option<Slug>,
    pub(super) color: Change<Color>,
    /// All default links of the group, in place of the present ones.
    pub(super) default_links: Option<WantedLinks>,
    pub(super) max_partner_links: Change<MaxPartnerLinks>,
    pub(super) allowed_hosts: Option<AllowedHosts>,
    pub(super) is_default: Option<bool>,
}

impl FromFields for UpdateGroupRequest {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let changes = GroupChanges {
            name: fields.optional("name"),
            slug: fields.optional("slug"),
            color: fields.change("color"),
            default_links: fields.optional("defaultLinks"),
            max_partner_links: fields.change("maxPartnerLinks"),
            allowed_hosts: fields.optional("allowedHosts"),
            is_default: fields.optional("isDefault"),
        };
        Some(Self { program: fields.optional("programId"), changes })
    }
}

/// The filter and page of a list of groups.
pub struct ListGroupsQuery {
    pub(super) program: Option<ProgramRef>,
    pub(super) search: Option<Bounded<0, MAX_SEARCH>>,
    pub(super) page: Page,
}

impl FromFields for ListGroupsQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self {
            program: fields.optional("programId"),
            search: fields.optional("search"),
            page: Page::from_query(fields),
        })
    }
}

/// The group that the partners of a deleted group move to.
pub struct DeleteGroupQuery {
    pub(crate) program: Option<ProgramRef>,
    pub(crate) move_to: Option<GroupRef>,
}

impl FromFields for DeleteGroupQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { program: fields.optional("programId"), move_to: fields.optional("moveTo") })
    }
}
