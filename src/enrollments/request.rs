//! The description of a partner in a request: `partner` of the token route and the body of `POST /partners`.

use super::model::Identity;
use crate::groups::GroupRef;
use crate::links::{LinkProps, check_username};
use crate::partners::{Metadata, Profile, TenantId};
use crate::programs::ProgramRef;
use crate::validation::{Bounded, Fields, FromFields};

/// The body of `POST /partners`: a partner to enroll.
#[derive(Debug, Clone)]
pub struct CreatePartnerRequest {
    /// The program, if the request names one.
    pub program: Option<ProgramRef>,
    /// The partner to be enrolled.
    pub partner: PartnerRequest,
}

impl FromFields for CreatePartnerRequest {
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let partner = PartnerRequest::from_fields(fields);
        let program = fields.optional("programId");
        Some(Self { program, partner: partner? })
    }
}

/// A partner as a request describes it.
#[derive(Debug, Clone)]
pub struct PartnerRequest {
    /// The person.
    pub profile: Profile,
    /// The partner's id in the customer's system.
    pub tenant_id: Option<TenantId>,
    /// The group for a new enrollment.
    pub group: Option<GroupRef>,
    /// The customer's own data about the enrollment.
    pub metadata: Option<Metadata>,
    /// The properties of a new enrollment's links.
    pub link_props: LinkProps,
}

impl PartnerRequest {
    /// Returns the tenant id, from `tenantId` or from `linkProps.tenantId`.
    #[must_use]
    pub fn any_tenant_id(&self) -> Option<&TenantId> {
        self.tenant_id.as_ref().or(self.link_props.tenant_id.as_ref())
    }

    /// Returns the ids by which an existing enrollment is found.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity {
            tenant_id: self.any_tenant_id().map(|id| id.as_str().to_owned()),
            email_normalized: Some(self.profile.email.normalized().to_owned()),
            ..Identity::default()
        }
    }
}

impl FromFields for PartnerRequest {
    /// Reads the fields in the order of openapi.yaml, in which problems are reported.
    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let name = fields.nullable("name");
        let email = fields.required("email");
        let username: Option<Bounded<1, 100>> = fields.nullable("username");
        if let Some(Err(invalid)) = username.as_ref().map(|username| check_username(username.as_str())) {
            fields.fail("username", invalid);
        }
        let image = fields.nullable("image");
        let tenant_id = fields.optional("tenantId");
        // A text that is neither an id nor a slug names a group that does not exist.
        let group = fields.optional("groupId");
        let country = fields.nullable("country");
        let description = fields.nullable("description");
        let metadata = fields.optional("metadata");
        let link_props: LinkProps = fields.object("linkProps").unwrap_or_default();
        let profile = Profile { name, email: email?, username, image, country, description };
        Some(Self { profile, tenant_id, group, metadata, link_props })
    }
}
