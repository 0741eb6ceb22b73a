//! Requests about links.

use super::model::{ExternalId, FreeText, LinkChanges, LinkRef};
use super::settings::SettingChanges;
use crate::programs::ProgramRef;
use crate::validation::{Fields, FromFields};
use crate::values::id::InvalidId;

/// A query that can name a program.
pub(crate) struct ProgramQuery {
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for ProgramQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        Some(Self { program: fields.optional("programId") })
    }
}

/// The query of `GET /links/info`.
pub(crate) struct LinkInfoQuery {
    /// The link; a text that is not an id names a link that does not exist.
    pub(super) link: Option<Result<LinkRef, InvalidId>>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for LinkInfoQuery {
    /// Reads the fields. The first that is present counts: `linkId`, `externalId`, then `domain` and `key`.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let id = fields.optional::<FreeText>("linkId").map(|id| id.as_str().parse());
        let external_id = fields.optional::<ExternalId>("externalId").map(|id| Ok(LinkRef::External(id)));
        let domain = fields.optional::<FreeText>("domain");
        let key = fields.optional::<FreeText>("key");
        let by_key = domain.zip(key).map(|(domain, key)| Ok(LinkRef::key(key.as_str(), Some(domain.as_str()))));
        Some(Self { link: id.or(external_id).or(by_key), program: fields.optional("programId") })
    }
}

/// The body of `PATCH /links/{id}`.
pub(crate) struct UpdateLinkRequest {
    pub(super) changes: LinkChanges,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for UpdateLinkRequest {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let url = fields.optional("url");
        let host = fields.optional::<FreeText>("domain").map(|domain| domain.as_str().to_ascii_lowercase());
        let key = fields.optional("key");
        let external_id = fields.change("externalId");
        // The fields of a struct are read in the order of this expression, those of the base last.
        let settings = SettingChanges {
            track_conversion: fields.optional("trackConversion"),
            public_stats: fields.optional("publicStats"),
            geo: fields.change("geo"),
            utm_source: fields.change("utm_source"),
            utm_medium: fields.change("utm_medium"),
            utm_campaign: fields.change("utm_campaign"),
            utm_term: fields.change("utm_term"),
            utm_content: fields.change("utm_content"),
            ..SettingChanges::from_fields(fields)
        };
        let program = fields.nullable("programId");
        Some(Self { changes: LinkChanges { url, domain_id: None, host, key, external_id, settings }, program })
    }
}
