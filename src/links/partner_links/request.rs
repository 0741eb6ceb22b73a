//! Requests about the links of a partner.

use super::service::LinkDetails;
use crate::links::request::LinkProps;
use crate::partners::PartnerRef;
use crate::programs::ProgramRef;
use crate::validation::{Change, Fields, FromFields};
use crate::values::http_url::HttpUrl;

/// The query of `GET /partners/links`.
pub(crate) struct PartnerLinksQuery {
    pub(super) partner: Option<PartnerRef>,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for PartnerLinksQuery {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        Some(Self { partner, program: fields.optional("programId") })
    }
}

impl LinkDetails {
    /// Reads the fields that both requests for a link have.
    fn from_fields(fields: &mut Fields<'_>) -> Self {
        let key = fields.optional("key");
        let comments = fields.change("comments");
        let mut props: LinkProps = fields.object("linkProps").unwrap_or_default();
        // The comments of the link itself count, not those of `linkProps`.
        if comments != Change::Keep {
            props.settings.comments = comments;
        }
        Self { key, props }
    }
}

/// The body of `POST /partners/links`.
pub(crate) struct CreatePartnerLinkRequest {
    pub(super) partner: Option<PartnerRef>,
    pub(super) url: Option<HttpUrl>,
    pub(super) details: LinkDetails,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for CreatePartnerLinkRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let url = fields.nullable("url");
        let details = LinkDetails::from_fields(fields);
        Some(Self { partner, url, details, program: fields.optional("programId") })
    }
}

/// The body of `PUT /partners/links/upsert`.
pub(crate) struct UpsertPartnerLinkRequest {
    pub(super) partner: Option<PartnerRef>,
    pub(super) url: HttpUrl,
    pub(super) details: LinkDetails,
    pub(super) program: Option<ProgramRef>,
}

impl FromFields for UpsertPartnerLinkRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRef::from_fields(fields);
        let url = fields.required("url");
        let details = LinkDetails::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { partner, url: url?, details, program })
    }
}
