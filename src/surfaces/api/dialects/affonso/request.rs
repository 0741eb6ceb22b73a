//! Requests in the format of Affonso's API.

use crate::enrollments::PartnerRequest;
use crate::links::LinkProps;
use crate::partners::{Email, Metadata, Profile, TenantId};
use crate::programs::ProgramRef;
use crate::validation::{Bounded, Fields, FromFields};
use crate::values::http_url::HttpUrl;

/// The body of `POST /embed/token`. The customer vouches for the partner.
pub struct EmbedTokenRequest {
    pub(super) program: ProgramRef,
    pub(super) partner: PartnerRequest,
}

impl FromFields for EmbedTokenRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let program = fields.required("programId");
        let person = fields.required_object::<Person>("partner");
        // A text that is neither an id nor a slug names a group that does not exist.
        let group = fields.optional("groupId");
        let tenant_id = fields.optional::<TenantId>("externalUserId");
        let metadata = fields.optional::<Metadata>("metadata");
        let Person { name, email, image } = person?;
        let profile = Profile { name, email, username: None, image, country: None, description: None };
        let partner = PartnerRequest { profile, tenant_id, group, metadata, link_props: LinkProps::default() };
        Some(Self { program: program?, partner })
    }
}

/// The member `partner`.
struct Person {
    name: Option<Bounded<0, 100>>,
    email: Email,
    image: Option<HttpUrl>,
}

impl FromFields for Person {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let email = fields.required("email");
        let name = fields.nullable("name");
        let image = fields.nullable("image");
        Some(Self { name, email: email?, image })
    }
}
